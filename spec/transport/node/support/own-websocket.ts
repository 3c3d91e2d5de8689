import { createInterface } from 'node:readline';
import { filter, firstValueFrom, map, take, toArray, type Observable } from 'rxjs';
import { websocket, xml, xmppClient, type Transport, type XmlElement, type XmppClient } from '../../../../lib/index.js';
import { websocket as ofNode } from '../../../../lib/node.js';

/**
 * Talks through a server by the WebSocket that Node itself has, and prints what came of it, as JSON. Before that it prints `cut`
 * where its connections are to be cut, and awaits a line that says that they were.
 */
async function main(url: string, passwords: Readonly<Record<string, string>>): Promise<void> {
  const lines = createInterface(process.stdin);
  const [alice, bob] = [
    accountOf('alice', websocket({ url })),
    // The one of rxmpp/node takes Node's own too.
    accountOf('bob', ofNode({ url })),
  ];
  const [of, to] = await Promise.all([alice, bob].map(({ client }) => jidOf(client)));
  const text = `<&>'"\u20ac\u{1f600}${'x'.repeat(100_000)}`;

  const states = firstValueFrom(
    alice.client.deliver(messageTo(to!, text)).pipe(
      map(({ state }) => state),
      toArray(),
    ),
  );
  const same = (await firstValueFrom(bodies(bob.client))) === text;

  // What is written while the link is down, and before anybody knows of it, arrives once.
  const both = [alice, bob].map(({ client }) => firstValueFrom(bodies(client).pipe(take(3), toArray())));
  const resumed = [alice, bob].map(({ client }) =>
    firstValueFrom(client.status$.pipe(filter((status) => status.kind === 'online' && status.resumed))),
  );
  const say = (number: number) => {
    alice.client.send(messageTo(to!, `to bob ${number}`));
    bob.client.send(messageTo(of!, `to alice ${number}`));
  };
  say(1);
  process.stdout.write('cut\n');
  await new Promise((done) => lines.once('line', done));
  say(2);
  await Promise.all(resumed);
  say(3);
  const heard = await Promise.all(both);

  const ended = [alice, bob].map(({ ended }) => ended);
  for (const { client } of [alice, bob]) client.close().subscribe();
  const ends = await Promise.all(ended);
  lines.close();
  process.stdin.destroy();
  const result = {
    node: process.versions.node,
    mechanisms: [alice, bob].map(({ mechanism }) => mechanism),
    ...{ states: await states, same, heard, ends },
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);

  function accountOf(name: string, transport: Transport) {
    const client = xmppClient({
      ...{ jid: `${name}@localhost`, credentials: { password: passwords[name]! }, transport },
      ...{ reconnect: { backoff: () => 0 }, whileOffline: { queue: 10 } },
    });
    const account = { client, mechanism: '', ended: Promise.resolve('') };
    client.trace$.subscribe((event) => {
      if (event.type === 'authenticated' && account.mechanism === '') account.mechanism = event.mechanism;
    });
    account.ended = new Promise((told) =>
      client.session$.subscribe({ error: (error: unknown) => told(String(error)), complete: () => told('complete') }),
    );
    return account;
  }
}

const messageTo = (to: string, body: string): XmlElement => xml('message', { to, type: 'chat' }, xml('body', {}, body));

const bodies = ({ message$ }: XmppClient): Observable<string> =>
  message$.pipe(map((message) => message.child('body')?.text() ?? ''));

async function jidOf(client: XmppClient): Promise<string> {
  const session = await firstValueFrom(client.session$);
  return session.jid.toString();
}

/** One attempt that is not to succeed: prints the error. */
async function fails(url: string): Promise<void> {
  const client = xmppClient({
    ...{ jid: 'alice@localhost', credentials: { password: 'x' }, transport: websocket({ url }), reconnect: false },
  });
  const error = await new Promise((told) =>
    client.session$.subscribe({ next: told, error: told, complete: () => told(0) }),
  );
  const { layer, condition, phase, message } = error as Record<string, unknown>;
  process.stdout.write(`${JSON.stringify({ layer, condition, phase, message })}\n`);
}

const [what, url = '', passwords = '{}'] = process.argv.slice(2);
if (what === 'talk') void main(url, JSON.parse(passwords) as Record<string, string>);
else void fails(url);
