import { realServers } from '../servers/index.js';
import { describeWith } from '../support/needs.js';
import { inBetween, SETTINGS } from './attacks/in-between.js';
import { ATTACKS } from './attacks/index.js';
import { imports } from './play-real.js';
import { overSockets, pairs, scripted, socketPairs, special, specials, specialsAtOnce, type Row } from './campaign.js';

/** Of the list of threats: T transport, A authentication, X XML, S stanzas and state. */
const THREATS = [
  ...Array.from({ length: 11 }, (_, index) => `T${index + 1}`),
  ...Array.from({ length: 7 }, (_, index) => `A${index + 1}`),
  ...Array.from({ length: 7 }, (_, index) => `X${index + 1}`),
  ...Array.from({ length: 11 }, (_, index) => `S${index + 1}`),
];

/** What is wrong with a row, in a line each. */
const wrong = (rows: readonly Row[]) =>
  rows.flatMap(({ name, via, complaints, leaked }) => [
    ...complaints.map((complaint) => `${name} (${via}): ${complaint}`),
    ...(leaked > 0 ? [`${name} (${via}): ${leaked} octets leaked`] : []),
  ]);

describe('the hostile server (npm run hostile is all of it)', () => {
  it('knows at least 150 attacks, and some for each threat', async () => {
    expect(ATTACKS.length).toBeGreaterThanOrEqual(150);
    const rows = new Set([...ATTACKS, ...(await specials())].map(({ row }) => row));
    expect(THREATS.filter((threat) => !rows.has(threat))).toEqual([]);
    const names = ATTACKS.map(({ row, name }) => `${row} ${name}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  const rows = [...new Set(pairs.map(({ attack }) => attack.row))];
  it.each(rows)('%s: whole, octet by octet, and cut at some places', async (row) => {
    const results: Row[] = [];
    for (const pair of pairs) if (pair.attack.row === row) results.push(await scripted(pair, 2));
    expect(wrong(results)).toEqual([]);
  });

  it('each over one of TCP, TLS, ws: and wss:, and each of these in turn', async () => {
    const names = [...new Set(socketPairs.map(({ attack }) => attack.name))];
    const chosen = names.map((name, index) => {
      const links = socketPairs.filter(({ attack }) => attack.name === name);
      return links[index % links.length]!;
    });
    const results = await overSockets(chosen);
    expect(wrong(results)).toEqual([]);
    expect([...new Set(results.map(({ via }) => via))].sort()).toEqual(['tcp', 'tls', 'ws', 'wss']);
  }, 120_000);

  it('by certificates, look-ups, and the attempts after the first', async () => {
    const results: Row[] = [];
    // Over wss: they are about how rxmpp/node hands options to `ws`, which Jest cannot import; npm run hostile can.
    const importable = await imports;
    for (const attack of await specials()) if (importable || attack.via !== 'wss') results.push(await special(attack));
    expect(wrong(results)).toEqual([]);
  }, 120_000);

  for (const name of ['prosody', 'ejabberd'] as const)
    describeWith(name, () => {
      it('by somebody in between', async () => {
        const server = await realServers[name](SETTINGS);
        try {
          expect(wrong(await specialsAtOnce(inBetween(server)))).toEqual([]);
        } finally {
          await server.stop();
        }
      });
    });
});
