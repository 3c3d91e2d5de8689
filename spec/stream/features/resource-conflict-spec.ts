import { defer, EMPTY, finalize, map, NEVER, of, throwError, timer, VirtualTimeScheduler } from 'rxjs';
import type { XmppOptions } from '../../../lib/client/options.js';
import { cut, end, mute, reply, type Script } from '../../../lib/testing.js';
import type { OnResourceConflict } from '../../../lib/stream/features/bind.js';
import {
  auth,
  BIND,
  bindResult,
  features,
  FOOTER,
  goesOnline,
  hearsBind,
  iqError,
  mechanisms,
} from '../../support/wire.js';
import { ACCOUNT, opens, streamError } from '../../support/wire.js';
import { replay, watchUnhandled, WireRun, type WireInit } from '../../support/wire-run.js';
import { ClientRun } from '../../support/client-run.js';
import { sessionInit } from '../../support/session-run.js';

const offering = (...then: Script): Script => [
  opens(features(mechanisms('EXTERNAL')), { secure: true }),
  auth('EXTERNAL', ''),
  opens(features(BIND), { secure: true }),
  then,
];
const conflict = (resource?: string): Script => [hearsBind(resource), reply(iqError('{bind}', 'conflict', 'modify'))];
const given = (options: Partial<XmppOptions>): WireInit => sessionInit({ options: { resource: 'desk', ...options } });
const start = (script: Script, onResourceConflict?: OnResourceConflict, options: Partial<XmppOptions> = {}) =>
  new WireRun(offering(script), given({ onResourceConflict, ...options }));

describe('onResourceConflict', () => {
  watchUnhandled();

  it('is asked with what is taken, and its answer is asked for', () => {
    const asked: unknown[] = [];
    replay(
      () => offering(conflict('desk'), hearsBind('desk-2'), reply(bindResult(`${ACCOUNT}/desk-2`))),
      given({
        onResourceConflict: (resource, conflicts) => {
          asked.push([resource, conflicts]);
          return of('desk-2');
        },
      }),
      (run) => {
        expect([run.outcome, run.session.jid.toString()]).toEqual(['online', `${ACCOUNT}/desk-2`]);
        expect(asked.at(-1)).toEqual(['desk', 1]);
        run.transport.verify();
      },
      { stride: 31 },
    );
  });

  it('null leaves the choice to the server', () => {
    const run = start([conflict('desk'), hearsBind(), reply(bindResult(`${ACCOUNT}/6f2a`))], () => of(null)).flush(0);
    expect(run.session.jid.resource).toBe('6f2a');
    run.transport.verify();
    run.unsubscribe().check();
  });

  it('is asked five times at most', () => {
    const names = ['desk', 'desk-1', 'desk-2', 'desk-3', 'desk-4', 'desk-5'];
    const run = start(names.map(conflict), (_, conflicts) => of(`desk-${conflicts}`))
      .flush(0)
      .check();
    expect(run.outcome).toBe('stanza conflict (bind)');
    expect(run.sent.split('<resource>')).toHaveLength(7);
    expect(run.sent.endsWith(`</iq>${FOOTER}`)).toBe(true);
  });

  it('is not asked where the server chose, nor about anything but a conflict (D9)', () => {
    let asked = 0;
    const count = () => of(`x${++asked}`);
    const own = start([conflict()], count, { resource: undefined }).flush(0).check();
    const refused = start([hearsBind('desk'), reply(iqError('{bind}', 'not-allowed'))], count)
      .flush(0)
      .check();
    expect([own.outcome, refused.outcome, asked]).toEqual(['stanza conflict (bind)', 'stanza not-allowed (bind)', 0]);
  });

  it.each([
    ['nothing: the conflict is the error', () => EMPTY, 'stanza conflict (bind)'],
    ['an error', () => throwError(() => new Error('x')), 'unexpected: Error: x'],
    ['silence: it has the bound of bind', () => NEVER, 'timeout timeout (bind)'],
  ])('answers with %s', (_name, onResourceConflict: OnResourceConflict, outcome) => {
    const run = start([conflict('desk')], onResourceConflict)
      .flush()
      .check();
    expect(run.outcome).toBe(outcome);
  });

  it('may take its time; unsubscribing meanwhile gives it up', () => {
    const scheduler = new VirtualTimeScheduler();
    let held = 0;
    const later = () =>
      defer(() => {
        held++;
        return timer(500, scheduler).pipe(
          map(() => 'desk-2'),
          finalize(() => held--),
        );
      });
    const run = start([conflict('desk'), mute()], later).flush(100);
    expect([run.outcome, held]).toEqual(['pending', 1]);
    run.unsubscribe().check();
    expect(held).toBe(0);
    const patient = start([conflict('desk'), hearsBind('desk-2'), reply(bindResult())], later).flush(100);
    scheduler.flush();
    patient.flush(200);
    expect(patient.outcome).toBe('online');
    patient.unsubscribe().check();
  });
});

describe('what one attempt has bound', () => {
  watchUnhandled();

  it('D7: is forgotten with the attempt: the next asks for the resource of the options, and asks us anew', () => {
    const begin = (...then: Script): Script => offering(then);
    let asked = 0;
    const run = new ClientRun(
      [
        begin(conflict('desk'), hearsBind('desk-1'), reply(bindResult(`${ACCOUNT}/desk-1`)), cut()),
        begin(conflict('desk'), hearsBind('desk-1'), reply(bindResult(`${ACCOUNT}/desk-1`)), mute()),
      ],
      {
        options: {
          resource: 'desk',
          onResourceConflict: (_, conflicts) => {
            asked++;
            return of(`desk-${conflicts}`);
          },
        },
      },
    );
    run.connect().flush(5_000);
    expect([run.status.kind, asked, run.session.jid.resource]).toEqual(['online', 2, 'desk-1']);
    run.transport.verify();
    run.disconnect().check();
  });
});

describe('conflict on a running session', () => {
  watchUnhandled();

  it('is final: it is told, and nothing comes back', () => {
    const script = goesOnline(reply(streamError('conflict') + FOOTER), end());
    const run = new WireRun(script, sessionInit({ options: { onResourceConflict: () => of('other') } }))
      .flush()
      .check();
    expect(run.error).toMatchObject({ layer: 'stream', condition: 'conflict', phase: 'online', retryable: false });
  });
});
