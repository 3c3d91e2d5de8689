import type { WireEntry, WireLog } from './wire-log.js';

/** What the wires of all clients say of the order of one phase's messages, whose ids are `phase:sender:number`. */
export interface OrderAudit {
  /** Faults of a client: it wrote out of order, or told its application something else than its wire had told it. */
  readonly violations: readonly string[];
  /**
   * Messages that the server handed to their receiver behind a later one of the same sender, although it was given them in
   * order: what a client can neither cause nor mend.
   */
  readonly byServer: readonly string[];
}

export interface Watched {
  readonly user: string;
  readonly wire: WireLog;
  /** The ids of what the application was told, in order. */
  readonly told: readonly string[];
}

/** Looks at the order of messages on each leg of their way by itself. All that was sent was accepted by the client. */
export function auditOrder(phase: string, parties: readonly Watched[]): OrderAudit {
  const violations: string[] = [];
  const byServer: string[] = [];
  const ours = (id: string) => id.startsWith(`${phase}:`);
  for (const { user, wire, told } of parties) {
    violations.push(
      ...written(
        user,
        wire.written.filter(({ id }) => ours(id)),
      ),
    );
    const read = wire.read.filter(({ id }) => ours(id));
    const heard = told.filter(ours);
    const differs = read.findIndex(({ id }, index) => heard[index] !== id);
    if (differs >= 0 || heard.length !== read.length) {
      const at = differs < 0 ? read.length : differs;
      violations.push(
        `${user} was sent ${read[at]?.id ?? 'nothing'}, and told its application ${heard[at] ?? 'nothing'}`,
      );
    }
    byServer.push(...behind(user, read));
  }
  return { violations, byServer };
}

/**
 * What a client has to keep to: on each connection its messages follow one another without a gap, and they begin with one
 * that it has written before, or with the next. A server that goes by its own count then has them in order, each once.
 */
function written(user: string, entries: readonly WireEntry[]): string[] {
  const violations: string[] = [];
  let next = 0;
  let before: WireEntry | undefined;
  for (const entry of entries) {
    const number = numberOf(entry);
    const follows = before?.connection === entry.connection ? number === numberOf(before) + 1 : number <= next;
    if (!follows) violations.push(`${user} wrote ${entry.id} behind ${before?.id ?? 'nothing'} (${place(entry)})`);
    next = Math.max(next, number + 1);
    before = entry;
  }
  return violations;
}

function behind(user: string, entries: readonly WireEntry[]): string[] {
  const found: string[] = [];
  const latest = new Map<string, WireEntry>();
  for (const entry of entries) {
    const sender = entry.id.slice(0, entry.id.lastIndexOf(':'));
    const last = latest.get(sender);
    if (last && numberOf(last) > numberOf(entry))
      found.push(`${user} was sent ${entry.id} (${place(entry)}) behind ${last.id} (${place(last)})`);
    else latest.set(sender, entry);
  }
  return found;
}

const numberOf = ({ id }: WireEntry) => Number(id.slice(id.lastIndexOf(':') + 1));
const place = ({ connection, at }: WireEntry) =>
  `connection ${connection}, ${new Date(at).toISOString().slice(11, 23)}`;
