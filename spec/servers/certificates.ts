import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  /** PEM text. */
  readonly certificate: string;
  readonly key: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Certificate and key in one file, as ejabberd reads them. */
  readonly bothFile: string;
}

export interface Authority {
  /** PEM text of the root: what a client is told to trust. */
  readonly ca: string;
  readonly caFile: string;
  /** A certificate for servers of these DNS names and of the loopback addresses, valid for two days. */
  issue(name: string, hosts: readonly string[]): Certificate;
  /** A client's certificate that names JIDs (id-on-xmppAddr, RFC 6120 section 13.7.1.4). */
  issueClient(name: string, jids: readonly string[]): Certificate;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const xmppAddr = '1.3.6.1.5.5.7.8.5';

/** A certificate authority of its own, made with openssl: its files are in `folder`. */
export function createAuthority(folder: string): Authority {
  mkdirSync(folder, { recursive: true });
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });

  openssl(
    ...['req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=rxmpp specs'],
    ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    ...['-keyout', file('ca.key'), '-out', file('ca.crt')],
  );

  const issueWith = (name: string, altNames: readonly string[], usage: string): Certificate => {
    const [certificateFile, keyFile, bothFile] = [file(`${name}.crt`), file(`${name}.key`), file(`${name}.pem`)];
    openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', keyFile, '-out', file(`${name}.csr`));
    writeFileSync(
      file(`${name}.ext`),
      [`subjectAltName=${altNames.join(',')}`, `extendedKeyUsage=${usage}`, 'basicConstraints=CA:FALSE', ''].join('\n'),
    );
    openssl(
      ...['x509', '-req', '-in', file(`${name}.csr`), '-CA', file('ca.crt'), '-CAkey', file('ca.key')],
      ...['-CAcreateserial', '-days', '2', '-sha256', '-extfile', file(`${name}.ext`), '-out', certificateFile],
    );
    const [certificate, key] = [certificateFile, keyFile].map((path) => readFileSync(path, 'utf8'));
    writeFileSync(bothFile, certificate + key);
    return { certificate, key, certificateFile, keyFile, bothFile };
  };

  return {
    ca: readFileSync(file('ca.crt'), 'utf8'),
    caFile: file('ca.crt'),
    issue: (name, hosts) =>
      issueWith(name, [...hosts.map((host) => `DNS:${host}`), 'IP:127.0.0.1', 'IP:::1'], 'serverAuth'),
    issueClient: (name, jids) =>
      issueWith(
        name,
        jids.map((jid) => `otherName:${xmppAddr};UTF8:${jid}`),
        // Prosody's TLS takes none that is for clients alone.
        'clientAuth,serverAuth',
      ),
  };
}
