import type { Diagnosis, Finding, ServerReport } from './diagnosis.js';

/** A certificate that is renewed by itself is by then. */
const DAYS_TO_RENEW = 14;

/** What is to be mended, the worst first. */
export function verdict(diagnosis: Diagnosis): Finding[] {
  const findings = [...ofDns(diagnosis), ...ofServers(diagnosis), ...ofSignIn(diagnosis), ...ofWeb(diagnosis)];
  const order = ['error', 'warning', 'note'];
  // The same is told once, however many servers it holds for.
  const told = new Map(findings.map((finding) => [finding.text, finding]));
  return [...told.values()].sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

const error = (text: string): Finding => ({ severity: 'error', text });
const warning = (text: string): Finding => ({ severity: 'warning', text });
const note = (text: string): Finding => ({ severity: 'note', text });

function* ofDns({ domain, services }: Diagnosis): Generator<Finding> {
  for (const { name, records, failure } of services) {
    if (failure) yield error(`${name}: ${failure.sentence}`);
    else if (records.some(isNotOffered)) yield note(`${name} says by a \`.\` that this service is not offered`);
  }
  if (services.length === 0 || services.some(({ failure }) => failure)) return;
  const [direct, startTls] = services.map(({ records }) => records.filter((record) => !isNotOffered(record)));
  const denied = services.some(({ records }) => records.some(isNotOffered));
  if (direct!.length + startTls!.length === 0) {
    if (denied) yield error(`${domain} says in the DNS that it has no XMPP service for clients; publish its servers`);
    else
      yield warning(
        `${domain} has no SRV records, so that clients try its own address at port 5222; publish _xmpp-client._tcp.${domain}`,
      );
  } else if (direct!.length === 0) {
    yield note(
      `there are no _xmpps-client records (XEP-0368): direct TLS saves round trips and passes more firewalls; publish them if a port has it`,
    );
  }
}

const isNotOffered = ({ name }: { readonly name: string }) => name === '' || name === '.';

function* ofServers({ services, servers }: Diagnosis): Generator<Finding> {
  // One of several that does not work only costs time.
  const works = servers.some(({ failure, certificateFailure }) => !failure && !certificateFailure);
  for (const server of servers) yield* ofServer(server, works ? warning : error);
  const addresses = servers.flatMap(({ address }) => address ?? []);
  // Where an address was asked about no service was looked up, and there is nothing to publish.
  if (services.length > 0 && addresses.length > 0 && !addresses.some((address) => address.includes(':'))) {
    yield note('no server has an IPv6 address; publish AAAA records for clients in networks that have nothing else');
  }
}

function* ofServer(server: ServerReport, broken: (text: string) => Finding): Generator<Finding> {
  const { failure, certificateFailure, daysLeft, tls, saslInClear, mechanisms, channelBindings } = server;
  const where = `${server.host}:${server.port}${server.address && server.address !== server.host ? ` (${server.address})` : ''}`;
  if (failure) yield broken(`${where}: ${failure.sentence}`);
  if (certificateFailure) yield broken(`${where}: ${certificateFailure.sentence}; clients refuse it`);
  if (!certificateFailure && daysLeft !== undefined && daysLeft < DAYS_TO_RENEW) {
    yield warning(`${where}: the certificate ends in ${daysLeft} days; renew it`);
  }
  if (tls && tls.protocol !== 'TLSv1.3') yield warning(`${where}: speaks ${tls.protocol}; enable TLS 1.3`);
  if (saslInClear) {
    yield warning(
      `${where}: offers authentication before TLS, where anybody on the way can read it; require encryption`,
    );
  }
  if (!mechanisms) return;
  const scram = mechanisms.filter((name) => name.startsWith('SCRAM-'));
  if (mechanisms.length === 0) yield error(`${where}: offers no SASL mechanism`);
  else if (scram.length === 0) {
    yield warning(`${where}: offers no SCRAM, only ${mechanisms.join(', ')}; store passwords for SCRAM-SHA-256`);
  } else if (!scram.some((name) => name.startsWith('SCRAM-SHA-256') || name.startsWith('SCRAM-SHA-512'))) {
    yield note(`${where}: offers SCRAM by SHA-1 only; SHA-256 is the better hash`);
  }
  if (scram.length > 0 && !scram.some((name) => name.endsWith('-PLUS'))) {
    yield note(
      `${where}: offers no channel binding (SCRAM-...-PLUS), which would unmask a relay with a false certificate`,
    );
  } else if (scram.length > 0 && channelBindings === undefined) {
    yield note(`${where}: does not say which channel bindings it knows (XEP-0440), so that clients have to guess`);
  }
}

function* ofSignIn({ signIn }: Diagnosis): Generator<Finding> {
  if (!signIn) return;
  if (signIn.failure) yield error(`signing in: ${signIn.failure.sentence}`);
  else if (!signIn.streamManagement) {
    yield warning('there is no stream management (XEP-0198), so that stanzas are lost with a connection; enable it');
  }
}

function* ofWeb({ web, domain }: Diagnosis): Generator<Finding> {
  if (web.urls.length > 0) return;
  yield note(
    `no WebSocket is published for browsers (${web.failure?.sentence ?? 'host-meta names none'}); serve https://${domain}/.well-known/host-meta.json (XEP-0156)`,
  );
}
