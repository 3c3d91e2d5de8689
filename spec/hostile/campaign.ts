import { config } from 'rxjs';
import { ATTACKS } from './attacks/index.js';
import { certificateAttacks } from './attacks/certificates.js';
import { LOOK_UPS } from './attacks/look-ups.js';
import { RECONNECTING } from './attacks/reconnecting.js';
import { complaints, type Attack, type Result } from './attack.js';
import { certificates, LINK_OF, playReal, REAL_LINKS, type RealLink } from './play-real.js';
import { playScripted } from './play-scripted.js';
import type { Special } from './special.js';
import { LINKS, type Link } from './wire.js';

/** What has come of one attack over one link, however often it was made. */
export interface Row {
  readonly row: string;
  readonly name: string;
  readonly via: string;
  runs: number;
  /** How often it ended in what. */
  readonly outcomes: Record<string, number>;
  leaked: number;
  /** The first things that were not as they must be. */
  readonly complaints: string[];
  /** Errors that were reported as RxJS does, beside those that the attack brings along. */
  unhandled: number;
}

/** Errors that nobody caught, in this thread. RxJS reports them in a later turn. */
const unhandled: unknown[] = [];
config.onUnhandledError = (error) => unhandled.push(error);
const later = () => new Promise<void>((done) => setTimeout(done, 5));

function rowOf({ row, name }: { row: string; name: string }, via: string): Row {
  return { row, name, via, runs: 0, outcomes: {}, leaked: 0, complaints: [], unhandled: 0 };
}

function add(row: Row, attack: Pick<Attack, 'ends' | 'notes'>, result: Result, where: string): void {
  row.runs++;
  row.outcomes[result.outcome] = (row.outcomes[result.outcome] ?? 0) + 1;
  row.leaked += result.leaked;
  for (const complaint of complaints(attack, result))
    if (row.complaints.length < 3) row.complaints.push(where + complaint);
}

async function settle(row: Row, reports = 0): Promise<Row> {
  await later();
  row.unhandled = unhandled.splice(0).length - reports * row.runs;
  if (row.unhandled !== 0) row.complaints.push(`${row.unhandled} errors that nobody caught`);
  return row;
}

/** Each attack on each link that it can be made on. */
export const pairs: readonly { readonly attack: Attack; readonly link: Link }[] = ATTACKS.flatMap((attack) =>
  (attack.over ?? LINKS).map((link) => ({ attack, link })),
);

/**
 * An attack in virtual time: whole, octet by octet, and cut in two.
 *
 * @param cuts How many cuts, spread over all octets; at every octet (or the attack's own stride) by default.
 */
export async function scripted({ attack, link }: (typeof pairs)[number], cuts = Infinity): Promise<Row> {
  const row = rowOf(attack, `scripted ${link}`);
  const whole = playScripted(attack, link);
  add(row, attack, whole, '');
  // A frame comes whole or not at all.
  if (link === 'frames') return settle(row, attack.reports);
  add(row, attack, playScripted(attack, link, 'every-byte'), 'octet by octet: ');
  const step = Math.max(attack.stride ?? 1, Math.ceil(whole.octets / (cuts + 1)));
  for (let at = cuts === Infinity ? 1 : step; at < whole.octets; at += step)
    add(row, attack, playScripted(attack, link, at), `cut at ${at}: `);
  return settle(row, attack.reports);
}

/** The attacks that can be made over sockets. */
export const socketPairs: readonly { readonly attack: Attack; readonly link: RealLink }[] = ATTACKS.filter(
  ({ virtual }) => !virtual,
).flatMap((attack) =>
  REAL_LINKS.filter((link) => (attack.over ?? LINKS).includes(LINK_OF[link])).map((link) => ({ attack, link })),
);

/** Attacks over sockets, some at a time; one row for each, and one more for what nobody caught. */
export async function overSockets(chosen: readonly (typeof socketPairs)[number][], atOnce = 24): Promise<Row[]> {
  const keys = await certificates();
  const queue = [...chosen];
  const rows: Row[] = [];
  let reports = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const { attack, link } = next;
        const row = rowOf(attack, link);
        add(row, attack, await playReal(attack, link, keys), '');
        reports += attack.reports ?? 0;
        rows.push(row);
      }
    }),
  );
  const order = new Map(chosen.map(({ attack, link }, index) => [`${attack.name} ${link}`, index]));
  rows.sort((one, other) => order.get(`${one.name} ${one.via}`)! - order.get(`${other.name} ${other.via}`)!);
  await later();
  const left = unhandled.splice(0).length - reports;
  if (left !== 0) rows.at(-1)!.complaints.push(`${left} errors that nobody caught, in all`);
  return rows;
}

/** By certificates, look-ups, and the attempts after the first. */
export async function specials(): Promise<readonly Special[]> {
  return [...certificateAttacks(await certificates()), ...LOOK_UPS, ...RECONNECTING];
}

/** The same, some at a time; of what nobody caught the last one tells. */
export async function specialsAtOnce(attacks: readonly Special[], atOnce = 8): Promise<Row[]> {
  const queue = [...attacks.entries()];
  const rows: Row[] = [];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const [index, attack] = next;
        rows[index] = rowOf(attack, attack.via);
        add(rows[index]!, attack, await attack.play(), '');
      }
    }),
  );
  if (rows.length > 0) await settle(rows.at(-1)!);
  return rows;
}

export async function special(attack: Special): Promise<Row> {
  const row = rowOf(attack, attack.via);
  add(row, attack, await attack.play(), '');
  return settle(row);
}
