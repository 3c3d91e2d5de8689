import { VirtualTimeScheduler } from 'rxjs';
import {
  perConnection,
  scriptedTransport,
  type Script,
  type ScriptedTransport,
  type ScriptedTransportOptions,
} from '../../lib/testing.js';
import type { Attack, Result } from './attack.js';
import { Attempt } from './attempt.js';
import { brief, shown } from './leaks.js';
import { Wire, type Link } from './wire.js';

/** Virtual milliseconds after which whatever is not over hangs. */
const HOUR = 3_600_000;

/** An attack in virtual time, its bytes cut as told. */
export function playScripted(
  attack: Attack,
  link: Link,
  split: ScriptedTransportOptions['split'] = 'whole',
): Result & { readonly octets: number } {
  const scheduler = new VirtualTimeScheduler(undefined, HOUR);
  let clearUntil: number | undefined = link === 'starttls' ? Infinity : undefined;
  const wire = new Wire(link, { startTls: () => (clearUntil = transport.log.length) });
  const transport: ScriptedTransport = scriptedTransport(scriptsOf(attack, wire), {
    framing: link === 'frames' ? 'frames' : 'stream',
    tls: link !== 'starttls',
    split,
    channelBinding: () => attack.channelBinding,
  });
  const attempt = new Attempt(attack, { transport, scheduler, random: () => 0.5 });
  scheduler.flush();
  attempt.release();
  const faults: string[] = [];
  if (transport.open > 0) faults.push(`${transport.open} connections still held`);
  const timers = scheduler.actions.length;
  if (timers > 0) faults.push(`${timers} timers still run`);
  if (transport.connections > (attack.connections ?? 1)) faults.push(`${transport.connections} connections`);
  const octets = transport.log.reduce(
    (sum, { direction, text }) => sum + (direction === 'in' ? Buffer.byteLength(text) : 0),
    0,
  );
  return {
    ...attempt.result(transport, clearUntil, { faults, log: typeof split === 'number' ? brief : shown }),
    octets,
  };
}

function scriptsOf(attack: Attack, wire: Wire) {
  const script = attack.script(wire);
  return 'scripts' in script ? perConnection(...script.scripts) : (script as Script);
}
