import { join, resolve } from 'node:path';
import { filter, firstValueFrom, ReplaySubject, Subscription, take, toArray } from 'rxjs';
import { websocket, xml, xmppClient } from '../lib/index.js';
import { startServerAsync } from '../lib/testing-node.js';
import { useAngular } from './support/angular-platform.js';
import { complaintsAbout } from './support/complaints.js';
import { asIfPublic, runSnippet, snippetBelow, snippets } from './support/readme.js';

const root = resolve(__dirname, '..');

/** What the others take for granted. */
const PRELUDE = `
import { BehaviorSubject, of } from 'rxjs';
import { jid, register, xml, xmppClient, xmppStream, websocket } from 'rxmpp';
import type { Credentials, Transport, XmppClient, XmppClientOptions, XmppOptions } from 'rxmpp';
import { tcp } from 'rxmpp/node';
declare const credentials: Credentials;
declare const transport: Transport;
declare const options: XmppOptions;
export {};
`;
const CLIENT = 'declare const client: XmppClient;\n';

/** These stand by themselves. */
const complete = ['## With Angular', '## With plain RxJS', '## Testing with marbles', '### In Angular'].map(
  snippetBelow,
);

/** The snippet without its imports, which stand in the prelude, and with a client where it makes none. */
function moduleOf(snippet: string): string {
  if (complete.includes(snippet)) return snippet;
  const body = snippet.replace(/^import .*$/gm, '');
  return PRELUDE + (/\bclient\b/.test(body) && !/const client\b/.test(body) ? CLIENT : '') + body;
}

const ENTRIES = { rxmpp: 'index', 'rxmpp/node': 'node', 'rxmpp/angular': 'angular', 'rxmpp/testing': 'testing' };

describe('README.md', () => {
  const wrong = [
    moduleOf(`xmppClient({ jid: 'a@b', transprt: tcp() });`),
    snippetBelow('## With Angular').replace('injectXmppStatus()', 'injectXmppStatus(1)'),
  ];
  const wrongFiles = wrong.map((_, index) => join(root, `readme-wrong-${index}.ts`));
  let complaints: string[];
  beforeAll(() => {
    const modules = new Map(
      snippets.map((snippet, index) => [join(root, `readme-${index + 1}.ts`), moduleOf(snippet)]),
    );
    wrong.forEach((snippet, index) => modules.set(wrongFiles[index]!, snippet));
    complaints = complaintsAbout(modules, ENTRIES);
  }, 120_000);

  it('has snippets that compile against the library', () => {
    expect(snippets.length).toBeGreaterThan(5);
    expect(complaints.filter((complaint) => !wrongFiles.some((file) => complaint.startsWith(file)))).toEqual([]);
  });

  it.each(wrongFiles)('would be found out if one used what is not there (%#)', (file) => {
    expect(complaints.filter((complaint) => complaint.startsWith(file))).toHaveLength(1);
  });
});

// That with Angular runs in spec/angular/versions, where there is a page.
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
