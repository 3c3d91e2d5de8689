import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DOMAIN, PASSWORD } from '../support/wire.js';
import type { Attack } from './attack.js';
import { ATTACKS } from './attacks/index.js';
import { leakedOctets } from './leaks.js';
import { certificates, LINK_OF, listen, type Certificates, type RealLink } from './play-real.js';
import { aligned } from './table.js';
import { LINKS } from './wire.js';

/**
 * `npm run hostile:peers [-- --only TEXT] [--at-once N]`: the attacks that turn on nothing of rxmpp's own, against @xmpp/client, stanza and
 * strophe.js (`npm run bench:peers` installs them) with their documented defaults, each in a process of its own. Prints what each of them
 * made of each attack in its own words, and writes all of it to `.cache/hostile-peers.json`.
 */
const PEERS: Readonly<Record<string, readonly RealLink[]>> = {
  '@xmpp/client': ['tcp', 'tls', 'ws'],
  stanza: ['ws'],
  'strophe.js': ['ws'],
};
/** Real milliseconds in which something has to come of an attack. */
const PATIENCE = 6_000;

interface Told {
  readonly id?: number;
  readonly told: 'online' | 'survived' | 'answer' | 'error' | 'crash' | 'rejection';
  readonly what: string;
}

export interface PeerResult {
  readonly row: string;
  readonly attack: string;
  readonly peer: string;
  readonly link: RealLink;
  readonly outcome: 'error' | 'online' | 'answered wrongly' | 'crash' | 'hang' | 'off the script';
  /** All that it told, raw. */
  readonly told: readonly string[];
  readonly leaked: number;
}

/** A peer, begun anew after each crash. */
class Peer {
  #child: ChildProcess | undefined;
  #heard: (told: Told) => void = () => undefined;

  constructor(
    readonly name: string,
    private readonly ca: string,
  ) {}

  async play(attack: Attack, link: RealLink, keys: Certificates, id: number): Promise<PeerResult> {
    const server = await listen(attack, link, keys);
    const told: Told[] = [];
    const child = this.#start();
    await new Promise<void>((done) => {
      const timer = setTimeout(done, PATIENCE);
      const end = () => {
        clearTimeout(timer);
        setTimeout(done, 50);
      };
      this.#heard = (one) => {
        if (one.id !== undefined && one.id !== id) return;
        told.push(one);
        const over = ['survived', 'error', 'crash'].includes(one.told);
        if (over) end();
      };
      const { port } = server;
      const url = link === 'ws' || link === 'wss' ? server.url : undefined;
      const account = { username: 'alice', domain: DOMAIN, password: PASSWORD };
      child.send({ id, link, port, url, ...account, ask: attack.row === 'S1' });
    });
    this.#heard = () => undefined;
    const crashed = told.some((one) => one.told === 'crash');
    // What it goes on doing (reconnecting, say) is to harm nobody else.
    child.kill('SIGKILL');
    this.#child = undefined;
    await server.close();
    const sent = server.transport.log.flatMap(({ direction, text }, index) =>
      direction === 'out' ? [{ text, index }] : [],
    );
    const until = server.clearUntil ?? 0;
    const text = (secure: boolean) =>
      sent
        .filter(({ index }) => index >= until === secure)
        .map((one) => one.text)
        .join('');
    const leaked = leakedOctets(
      { clear: text(false), secure: text(true), told: told.map(({ what }) => what).join('\n') },
      attack,
    );
    const has = (what: Told['told']) => told.some((one) => one.told === what);
    const answer = told.find((one) => one.told === 'answer')?.what ?? '';
    let outcome: PeerResult['outcome'] = has('error') ? 'error' : 'hang';
    if (has('online') && (has('survived') || !has('error'))) outcome = 'online';
    if (/forged/.test(answer)) outcome = 'answered wrongly';
    if (crashed) outcome = 'crash';
    try {
      server.transport.verify();
    } catch (error) {
      if (!(error as Error).message.includes('stopped') && outcome !== 'crash')
        outcome = outcome === 'error' ? 'error' : 'off the script';
    }
    return {
      row: attack.row,
      attack: attack.name,
      peer: this.name,
      link,
      outcome,
      told: told.map((one) => `${one.told} ${one.what}`),
      leaked,
    };
  }

  #start(): ChildProcess {
    const worker = join(process.cwd(), 'spec/bench/hostile/worker.mjs');
    const child = fork(worker, [this.name], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: this.ca },
    });
    child.on('message', (told) => this.#heard(told as Told));
    this.#child = child;
    return child;
  }

  stop(): void {
    this.#child?.kill('SIGKILL');
  }
}

/** Whether that is what must come of it: an error where one is due, or nothing at all. */
function good(attack: Attack, { outcome, leaked }: PeerResult): boolean {
  const harmless = attack.ends.includes('online');
  return leaked === 0 && (outcome === 'error' || (harmless && outcome === 'online'));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { only: { type: 'string', default: '' }, 'at-once': { type: 'string', default: '4' } },
  });
  const keys = await certificates();
  const ca = join(mkdtempSync(join(tmpdir(), 'hostile-')), 'ca.pem');
  writeFileSync(ca, keys.ca.cert);
  const attacks = ATTACKS.filter(
    ({ own, virtual, abortAt, row, name }) => !own && !virtual && !abortAt && `${row} ${name}`.includes(values.only),
  );
  const queue = attacks.flatMap((attack) =>
    Object.entries(PEERS).flatMap(([peer, links]) => {
      const link = links.find((one) => (attack.over ?? LINKS).includes(LINK_OF[one]));
      return link ? [{ attack, peer, link }] : [];
    }),
  );
  const results = new Map<string, { result: PeerResult; good: boolean }>();
  let id = 0;
  await Promise.all(
    Array.from({ length: Number(values['at-once']) }, async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const { attack, peer, link } = next;
        const result = await new Peer(peer, ca).play(attack, link, keys, id++);
        results.set(`${attack.row} ${attack.name} ${peer}`, { result, good: good(attack, result) });
      }
    }),
  );
  const names = Object.keys(PEERS);
  const cell = (key: string) => {
    const found = results.get(key);
    if (!found) return '-';
    const { outcome, leaked } = found.result;
    return `${found.good ? '' : '! '}${outcome}${leaked > 0 ? `, ${leaked} leaked` : ''}`;
  };
  const lines = attacks.map(({ row, name }) => [row, name, ...names.map((peer) => cell(`${row} ${name} ${peer}`))]);
  console.log(aligned([['row', 'attack', ...names], ...lines]));
  console.log('\n! where it is not what must come of it (rxmpp: see npm run hostile). hang: nothing was told for 6 s.');
  for (const peer of names) {
    const mine = [...results.values()].filter(({ result }) => result.peer === peer);
    const count = (what: string) => mine.filter(({ result }) => result.outcome === what).length;
    const octets = mine.reduce((sum, { result }) => sum + result.leaked, 0);
    console.log(
      `${peer}: ${mine.filter((one) => one.good).length} of ${mine.length} as they must be; ${count('crash')} crashes, ${count('hang')} hangs, ${octets} octets of credentials leaked`,
    );
  }
  writeFileSync(
    '.cache/hostile-peers.json',
    JSON.stringify(
      [...results.values()].map(({ result }) => result),
      undefined,
      1,
    ),
  );
}

await main();
