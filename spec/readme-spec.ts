import { filter, firstValueFrom, ReplaySubject, Subscription, take, toArray } from 'rxjs';
import { websocket, xml, xmppClient } from '../lib/index.js';
import { startServerAsync } from '../lib/testing-node.js';
import { useAngular } from './support/angular-platform.js';
import { asIfPublic, runSnippet } from './support/readme.js';
import { snippetBelow } from './support/snippets.js';

// That they compile: spec/types-spec.ts. The one with Angular runs in spec/angular/versions, where there is a page.
describe('README.md: with plain RxJS', () => {
  // Here, and not in the spec: what awaits something that never comes would hold all of it, and Jest with it.
  const undone: (() => unknown)[] = [];
  afterEach(async () => {
    for (const undo of undone.splice(0).reverse()) await undo();
  });

  it('answers, and disconnects when it is unsubscribed from', async () => {
    const server = await startServerAsync({
      domain: 'example.org',
      accounts: { alice: 'wonder', bob: 'builder' },
      directPort: false,
    });
    undone.push(() => server.close(), asIfPublic(server));
    const state$ = new ReplaySubject<unknown>(3);
    const snippet = snippetBelow('## With plain RxJS');
    const log = (state: unknown) => state$.next(state);
    const ran = runSnippet(snippet, jest.requireActual, { names: ['echoing'], console: { log } });
    const echoing = ran['echoing'] as Subscription;
    const held = new Subscription(() => echoing.unsubscribe());
    undone.push(() => held.unsubscribe());
    const bob = xmppClient({
      jid: 'bob@example.org',
      credentials: { password: 'builder' },
      transport: websocket(),
    });
    held.add(
      bob.session$.subscribe((session) => {
        session.send(xml('presence'));
        // The server keeps it until Alice is there.
        session.send(xml('message', { to: 'alice@example.org', type: 'chat' }, xml('body', {}, 'hi')));
      }),
    );
    const left = firstValueFrom(bob.presence$.pipe(filter(({ attrs }) => attrs.type === 'unavailable')));
    const [message, states] = await Promise.all([
      firstValueFrom(bob.message$),
      firstValueFrom(state$.pipe(take(3), toArray())),
    ]);
    expect(message.child('body')?.text()).toBe('hi');
    expect(message.attrs.from).toMatch(/^alice@example\.org\//);
    expect(states).toEqual(['queued', 'written', 'acked']);
    echoing.unsubscribe();
    expect((await left).attrs.from).toBe(message.attrs.from);
  });
});

// The one without Angular runs in spec/testing.
describe('README.md: testing with marbles in Angular', () => {
  useAngular();
  runSnippet(snippetBelow('### In Angular'), jest.requireActual);
});
