import { concatWith, filter, map, mergeMap, of, throwError } from 'rxjs';
import type { StanzaError } from '../../lib/errors/index.js';
import { intercept, type InterceptConfig } from '../../lib/session/intercept.js';
import { after, cut, expects, reply, type Script } from '../../lib/testing.js';
import { NS, xml, type XmlElement } from '../../lib/xml/index.js';
import {
  A,
  begins,
  bodyOf,
  ClientRun,
  follow,
  hello,
  manages,
  managesOnce,
  type ClientInit,
} from '../support/client-run.js';
import { watchUnhandled } from '../support/wire-run.js';

const online = (script: Script, config: InterceptConfig, init: ClientInit = {}) =>
  new ClientRun([script], { ...init, options: { interceptors: intercept(config), ...init.options } })
    .connect()
    .flush(0);

describe('what comes of a stanza that is intercepted', () => {
  watchUnhandled();

  it('nor does what comes of it as a stanza of another kind, whatever its id', () => {
    const run = online(begins(expects(`<presence id='7'/>`), after(1e6)), {
      outbound: [map(({ name, attrs }) => xml(name === 'message' ? 'presence' : name, attrs))],
    });
    const a = run.deliver(xml('message', { id: '7' }));
    run.flush(20);
    expect(a.told).toEqual(['queued', 'filtered', 'complete']);
    run.transport.verify();
  });

  it('one stands for it, and the others are told by themselves', () => {
    const run = online(
      managesOnce(expects(/id='7'/), expects(/id='7'/), after(10), reply(A(1)), after(10), cut()),
      { outbound: [mergeMap((stanza) => of(stanza, stanza))] },
      { options: { reconnect: false } },
    );
    const a = run.deliver(hello('a', { id: '7' }));
    run.flush();
    expect(a.told).toEqual(['queued', 'written', 'acked', 'complete']);
    expect(run.losses).toEqual(['a delivery-unknown']);
  });

  it('an error behind what came out is too late for it', () => {
    const fails = concatWith<XmlElement, never[]>(throwError(() => new Error('late')) as never);
    const run = online(
      begins(expects(/<iq (?=.* id='(?<id>[^']+)')/), after(10), reply(`<iq type='result' id='{id}'/>`), after(1e6)),
      { outbound: [fails] },
    );
    const answer = follow(run.client.iq('get', xml('ping', { xmlns: NS.ping })));
    run.flush(20);
    expect(answer.told).toEqual(['next', 'complete']);

    const sent = online(manages(expects(/message/), after(10), reply(A(1)), after(1e6)), { outbound: [fails] });
    const a = sent.deliver(hello('a'));
    sent.flush(20);
    expect(a.told).toEqual(['queued', 'written', 'acked', 'complete']);
  });

  it('what they drop is told as dropped', () => {
    const run = online(begins(after(1e6)), { outbound: [filter(({ name }) => name !== 'iq')] });
    const answer = follow(run.client.iq('get', xml('ping', { xmlns: NS.ping })));
    run.flush(20);
    expect(answer.told).toEqual(['filtered']);
    expect((answer.error as StanzaError).text).toMatch(/interceptor/);
  });

  it('a stanza may end the session, and nothing comes out behind it', () => {
    const heard: string[] = [];
    const run: ClientRun = online(
      begins(after(1), reply('<message><body>a</body></message><message><body>b</body></message>'), after(1e6)),
      { inbound: [map((stanza) => stanza)] },
      {
        use: (session, { disconnect }) =>
          session.message$.subscribe((stanza) => {
            heard.push(bodyOf(stanza));
            disconnect.call(run);
          }),
      },
    );
    run.flush(10);
    expect([heard, run.ends]).toEqual([['a'], '1 cancelled']);
    run.check();
  });
});
