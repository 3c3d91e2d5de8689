import { NEVER, of, Subscription, throwError, VirtualTimeScheduler } from 'rxjs';
import { storedSession } from '../../lib/client/stored-session.js';
import { jid } from '../../lib/jid/index.js';
import {
  keepResumable,
  readResumable,
  type ResumptionState,
  type ResumptionStore,
} from '../../lib/session/resumption-store.js';
import { SessionMemory } from '../../lib/session/session-memory.js';
import { serialize } from '../../lib/xml/serialize.js';
import { xml } from '../../lib/xml/xml.js';
import { MemoryWorld } from '../support/memory-client.js';

/** What outlives a page: text. */
class TextStore implements ResumptionStore {
  text: string | undefined;
  saves = 0;
  load() {
    return of(this.text === undefined ? undefined : (JSON.parse(this.text) as ResumptionState));
  }
  save(state: ResumptionState) {
    this.saves++;
    this.text = JSON.stringify(state);
  }
  clear() {
    this.text = undefined;
  }
}

const message = (id: string) =>
  xml('message', { to: 'bob@localhost', id, type: 'chat' }, xml('body', {}, `<${id}> & "é"`));

describe('a store for resumption', () => {
  const held = new Subscription();
  afterAll(() => held.unsubscribe());

  /** A client that is online, has sent `first`, and then dies without a word, with `second` on its way. */
  function crashed(store: ResumptionStore) {
    const world = new MemoryWorld();
    const taken: string[] = [];
    world.server.received$.subscribe(({ stanza }) => {
      if (stanza.name === 'message') taken.push(stanza.attrs.id!);
    });
    const { client, link } = world.client({ streamManagement: { store: storedSession(store) } });
    held.add(client.session$.subscribe());
    world.pass(2_000);
    const jid = client.session!.jid.toString();
    client.send(message('first'));
    world.pass(3_000);
    link.stall('both');
    client.send(message('second'));
    world.pass(10);
    return { world, taken, jid };
  }

  it('lets another client resume: the same JID, and what was not acknowledged is sent', () => {
    const store = new TextStore();
    const { world, taken, jid } = crashed(store);
    expect(taken).toEqual(['first']);
    const { client } = world.client({ streamManagement: { store: storedSession(store) } });
    const resumed: boolean[] = [];
    held.add(client.session$.subscribe((session) => resumed.push(session.resumed)));
    world.pass(5_000);
    expect(resumed).toEqual([true]);
    expect(client.session!.jid.toString()).toBe(jid);
    expect(taken).toEqual(['first', 'second']);
  });

  it('saves plain JSON, once for all changes that come together, and no secret', () => {
    const store = new TextStore();
    const { world } = crashed(store);
    expect(JSON.parse(store.text!)).toMatchObject({ handled: expect.any(Number), acknowledged: 1 });
    expect(store.text).not.toContain('wonder');
    const { client } = world.client({
      jid: 'bob@localhost',
      credentials: { password: 'builder' },
      streamManagement: { store: storedSession(store) },
    });
    held.add(client.session$.subscribe());
    world.pass(5_000);
    const before = store.saves;
    for (let i = 0; i < 100; i++) client.send(message(`m${i}`));
    world.pass(0);
    expect(store.saves - before).toBeLessThanOrEqual(2);
  });

  it('does not give one account the session of another', () => {
    const store = new TextStore();
    const { world, taken } = crashed(store);
    const options = {
      jid: 'bob@localhost',
      credentials: { password: 'builder' },
      streamManagement: { store: storedSession(store) },
    };
    const { client } = world.client(options);
    held.add(client.session$.subscribe());
    world.pass(5_000);
    expect(client.session!.jid.bare().toString()).toBe('bob@localhost');
    expect(client.session!.resumed).toBe(false);
    expect(taken).toEqual(['first']);
  });

  it('is cleared when the session is closed', () => {
    const store = new TextStore();
    const world = new MemoryWorld();
    const { client } = world.client({ streamManagement: { store: storedSession(store) } });
    held.add(client.session$.subscribe());
    world.pass(2_000);
    expect(store.text).toBeDefined();
    held.add(client.close().subscribe());
    world.pass(2_000);
    expect(store.text).toBeUndefined();
  });

  it.each<[string, Partial<ResumptionStore>]>([
    ['errors', { load: () => throwError(() => new Error('no store')) }],
    ['never answers', { load: () => NEVER }],
    ['holds nonsense', { load: () => of({ id: 7 } as unknown as ResumptionState) }],
    [
      'throws',
      {
        load: () => {
          throw new Error('no store');
        },
      },
    ],
  ])('begins anew where the store %s', (_, broken) => {
    const world = new MemoryWorld();
    const store = storedSession(Object.assign(new TextStore(), broken));
    const { client } = world.client({ streamManagement: { store } });
    held.add(client.session$.subscribe());
    world.pass(30_000);
    expect(client.session?.resumed).toBe(false);
  });
});

describe('a state at rest', () => {
  const state: ResumptionState = {
    id: 'x1',
    jid: 'alice@example.org/desk',
    location: 'next.example.org:5222',
    max: 300,
    handled: 7,
    acknowledged: 2 ** 32 - 1,
    unacknowledged: [{ stanza: "<message to='bob@example.org'/>", at: 1_000 }],
  };
  const read = (changes: object, account = 'alice@example.org') =>
    readResumable({ ...state, ...changes }, jid(account));

  it('is read as it was saved', () => {
    expect(read({})).toMatchObject({
      id: 'x1',
      location: state.location,
      max: 300,
      handled: 7,
      acknowledged: 2 ** 32 - 1,
    });
    expect(read({})!.jid.toString()).toBe(state.jid);
    expect(read({})!.unacknowledged.map(({ stanza, at }) => [serialize(stanza), at])).toEqual([
      ["<message to='bob@example.org'/>", 1_000],
    ]);
  });

  it.each([
    ['a place to go to', { location: undefined }, 'alice@example.org'],
    ['anything unacknowledged', { unacknowledged: [] }, 'alice@example.org'],
    ['anything handled', { handled: 0, acknowledged: 0 }, 'alice@example.org'],
    ['an account: any of its domain is ours', {}, 'example.org'],
  ])('may be without %s', (_, changes, account) => expect(read(changes, account)).toBeDefined());

  it('takes a stanza of an unknown moment for an old one', () => {
    for (const at of [undefined, NaN, 'yesterday'])
      expect(read({ unacknowledged: [{ stanza: '<message/>', at }] })!.unacknowledged[0]!.at).toBe(0);
  });

  it.each<[string, object, string?]>([
    ['no id', { id: undefined }],
    ['an id that is no text', { id: 7 }],
    ['no JID', { jid: undefined }],
    ['what is no JID', { jid: '@' }],
    ['a bare JID', { jid: 'alice@example.org' }],
    ["another's JID", { jid: 'mallory@example.org/desk' }],
    ['a JID of another domain', { jid: 'alice@example.net/desk' }],
    ['another domain than that we are anonymous at', {}, 'example.net'],
    ['a place that is no text', { location: 5222 }],
    ['no count', { handled: undefined }],
    ['a count below 0', { handled: -1 }],
    ['a broken count', { acknowledged: 1.5 }],
    ['a count as text', { acknowledged: '7' }],
    ['a count beyond 2^32', { acknowledged: 2 ** 32 }],
    ['nothing about stanzas', { unacknowledged: undefined }],
    ['a stanza that is no XML', { unacknowledged: [{ stanza: '<message', at: 0 }] }],
    ['no text for a stanza', { unacknowledged: [{ at: 0 }] }],
  ])('is none with %s', (_, changes, ...account) => expect(read(changes, ...account)).toBeUndefined());

  it.each([undefined, null, 'x', 7])('%j is none', (nothing) =>
    expect(readResumable(nothing, jid('alice@example.org'))).toBeUndefined(),
  );

  /** A memory whose changes are kept, and what the store was told. */
  function kept() {
    const scheduler = new VirtualTimeScheduler();
    const memory = new SessionMemory(scheduler, () => 0.5);
    const told: string[] = [];
    const store: ResumptionStore = {
      load: () => of(undefined),
      save: ({ id, handled }) => void told.push(`save ${id} ${handled}`),
      clear: () => void told.push('clear'),
    };
    const keeping = keepResumable(memory, store, scheduler);
    const enable = (id: string) =>
      memory.enabled({ resumption: { id, jid: jid('alice@example.org/desk'), location: undefined, max: undefined } });
    return { scheduler, memory, told, keeping, enable };
  }

  it('is saved once for what comes together, and cleared once when there is none', () => {
    const { scheduler, memory, told, enable } = kept();
    enable('x1');
    for (let count = 0; count < 3; count++) memory.received();
    expect(told).toEqual([]);
    scheduler.flush();
    expect(told).toEqual(['save x1 3']);
    for (let count = 0; count < 2; count++) {
      memory.forget();
      scheduler.flush();
    }
    expect(told).toEqual(['save x1 3', 'clear']);
    enable('x2');
    scheduler.flush();
    memory.forget();
    scheduler.flush();
    expect(told).toEqual(['save x1 3', 'clear', 'save x2 0', 'clear']);
  });

  it('is cleared where an earlier process has left one that is not to be resumed', () => {
    const { scheduler, memory, told } = kept();
    memory.forget();
    scheduler.flush();
    expect(told).toEqual(['clear']);
  });

  it('is saved at the end, whatever was still to be saved, and not any more then', () => {
    const { scheduler, memory, told, keeping, enable } = kept();
    enable('x1');
    memory.received();
    keeping.unsubscribe();
    expect(told).toEqual(['save x1 1']);
    memory.received();
    scheduler.flush();
    expect(told).toEqual(['save x1 1']);
  });
});
