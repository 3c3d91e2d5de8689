import type { Colour, Paint } from '../report/paint.js';
import { visible } from '../visible.js';
import type { Diagnosis, Finding, ServerReport } from './diagnosis.js';

const COLOURS: Record<Finding['severity'], Colour> = { error: 'red', warning: 'yellow', note: 'cyan' };

/** The diagnosis as lines for people: a table of what there is, then what to mend. */
export function reportText(diagnosis: Diagnosis, findings: readonly Finding[], paint: Paint): string[] {
  const { domain, services, web, servers, signIn } = diagnosis;
  const title = (text: string) => `\n${paint('bold', text)}`;
  const lines = [paint('bold', domain)];
  const add = (text: string) => lines.push(visible(text));

  lines.push(title('DNS'));
  for (const { name, records, failure } of services) {
    const told = records.map(
      ({ priority, weight, name: host, port }) => `${priority} ${weight} ${host || '.'}:${port}`,
    );
    add(`  ${name}  ${failure ? failure.condition : told.join(', ') || 'none'}`);
  }
  add(`  host-meta  ${web.urls.join(', ') || 'no WebSocket'}`);

  lines.push(title('Servers'));
  const head = ['server', 'address', 'connect', 'TLS', 'certificate'];
  lines.push(...table([head, ...servers.map(row)]).map((line) => `  ${line}`));
  for (const { host, port, address, mechanisms, channelBindings, features } of servers) {
    if (!features) continue;
    add(`  ${host}:${port} at ${address}`);
    add(`    SASL              ${mechanisms?.join(' ') || 'none'}`);
    add(`    channel bindings  ${channelBindings?.join(' ') ?? 'does not say'}`);
    add(`    features          ${features.join(' ')}`);
  }

  lines.push(title('Signing in'));
  if (!signIn) add('  not tried: it takes an account, and its password in XMPP_PASSWORD');
  else if (signIn.failure) add(`  ${signIn.failure.condition}`);
  else {
    add(`  ${signIn.jid} by ${signIn.mechanism}`);
    add(`  stream management  ${signIn.streamManagement ? 'yes' : 'no'}`);
    add(`  features           ${signIn.features?.join(' ')}`);
  }

  lines.push(title('Verdict'));
  if (!findings.some(({ severity }) => severity === 'error')) lines.push(paint('green', '  clients can connect'));
  for (const { severity, text } of findings) {
    lines.push(`  ${paint(COLOURS[severity], severity.padEnd(8))} ${visible(text)}`);
  }
  return lines;
}

function row({ host, port, security, address, connectMs, tls, tlsMs, daysLeft, ...rest }: ServerReport): string[] {
  const { failure, certificateFailure } = rest;
  const kind = security === 'direct' ? 'direct' : 'STARTTLS';
  const valid = daysLeft === undefined ? '' : daysLeft < 0 ? `ended ${-daysLeft} days ago` : `${daysLeft} days left`;
  return [
    `${host}:${port}`,
    address ?? '-',
    connectMs === undefined ? (failure?.condition ?? '-') : `${connectMs} ms`,
    tls ? `${kind} ${tls.protocol}${tlsMs === undefined ? '' : ` ${tlsMs} ms`}` : `${kind} -`,
    [certificateFailure?.condition, valid].filter(Boolean).join(', ') || (tls ? 'unknown' : '-'),
  ].map((cell) => visible(cell));
}

/** Columns as wide as what stands in them. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  return rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
