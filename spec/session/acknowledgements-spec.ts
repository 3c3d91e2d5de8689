import { Subscription, VirtualTimeScheduler } from 'rxjs';
import { XmlError } from '../../lib/errors/index.js';
import { Acknowledgements, type AckPolicy } from '../../lib/session/acknowledgements.js';
import { SessionMemory } from '../../lib/session/session-memory.js';
import type { XmlStream } from '../../lib/stream/xml-stream.js';
import { NS, xml, type XmlElement } from '../../lib/xml/index.js';
import { MemoryWorld } from '../support/memory-client.js';

const message = xml('message', { to: 'bob@localhost' }, xml('body', {}, 'x'));

function managed(policy: AckPolicy = { every: 16, after: 1_000 }) {
  const scheduler = new VirtualTimeScheduler();
  const memory = new SessionMemory(scheduler, () => 0.5);
  memory.enabled({ resumption: undefined });
  const told: string[] = [];
  const stream = {
    send: ({ name }: XmlElement) => told.push(`${name} ${scheduler.now()}`),
    reject: () => told.push('reject'),
  } as unknown as XmlStream;
  const acknowledgements = new Acknowledgements(stream, memory, scheduler, policy);
  const send = () => {
    memory.sent(memory.outgoing(message));
    acknowledgements.sent();
  };
  return { scheduler, told, acknowledgements, send };
}

describe('acknowledgements of one stream', () => {
  it.each([
    ['<r/>', xml('r', { xmlns: NS.sm }), true],
    ['<a/>', xml('a', { xmlns: NS.sm, h: '0' }), true],
    ['an <a/> that cannot be', xml('a', { xmlns: NS.sm, h: '1' }), true],
    ['something else of the namespace', xml('failed', { xmlns: NS.sm }), false],
    ['<r/> of another namespace', xml('r', { xmlns: 'urn:xmpp:sm:2' }), false],
    ['<a/> of another namespace', xml('a', { xmlns: 'urn:example', h: '0' }), false],
  ])('%s', (_, element, taken) => expect(managed().acknowledgements.receive(element)).toBe(taken));

  it('are asked for once for what is sent together', () => {
    const { scheduler, told, send } = managed();
    for (let count = 0; count < 3; count++) send();
    scheduler.flush();
    expect(told).toEqual(['r 1000']);
  });

  it('are not asked for by time where that is never', () => {
    const { scheduler, told, send } = managed({ every: 3, after: Infinity });
    send();
    send();
    expect([scheduler.actions.length, told]).toEqual([0, []]);
    send();
    expect(told).toEqual(['r 0']);
  });

  it('do not count what could not be written', () => {
    const world = new MemoryWorld();
    const { client } = world.client({});
    const held = new Subscription();
    held.add(client.session$.subscribe());
    world.pass(2_000);
    expect(() => client.send(xml('message', {}, xml('body', {}, '\0')))).toThrow(XmlError);
    const states: string[] = [];
    held.add(client.deliver(message).subscribe(({ state }) => states.push(state)));
    world.pass(5_000);
    expect(states).toEqual(['queued', 'written', 'acked']);
    held.unsubscribe();
  });
});
