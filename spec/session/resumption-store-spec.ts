import { NEVER, of, Subscription, throwError } from 'rxjs';
import type { ResumptionState, ResumptionStore } from '../../lib/session/resumption-store.js';
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
    const { client, link } = world.client({ streamManagement: { store } });
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
    const { client } = world.client({ streamManagement: { store } });
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
      streamManagement: { store },
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
    const options = { jid: 'bob@localhost', credentials: { password: 'builder' }, streamManagement: { store } };
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
    const { client } = world.client({ streamManagement: { store } });
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
    const { client } = world.client({ streamManagement: { store: Object.assign(new TextStore(), broken) } });
    held.add(client.session$.subscribe());
    world.pass(30_000);
    expect(client.session?.resumed).toBe(false);
  });
});
