import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificateAuthority, validity, type CertificateRequest } from '../../lib/testing/node/x509.js';

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
  /** The same, which ended yesterday; its files take the place of what was issued by that name. */
  issueExpired(name: string, hosts: readonly string[]): Certificate;
  /** A client's certificate that names JIDs (id-on-xmppAddr, RFC 6120 section 13.7.1.4). */
  issueClient(name: string, jids: readonly string[]): Certificate;
}

/** A certificate authority of its own, by the code that the embedded server has: its files are in `folder`. */
export function createAuthority(folder: string): Authority {
  mkdirSync(folder, { recursive: true });
  const file = (name: string) => join(folder, name);
  const caFile = file('ca.crt');
  const authority = certificateAuthority('rxmpp specs', validity(-3, 2));
  writeFileSync(caFile, authority.cert);

  const issue = (name: string, request: CertificateRequest): Certificate => {
    const { cert, key } = authority.issue(request);
    const [certificateFile, keyFile, bothFile] = [file(`${name}.crt`), file(`${name}.key`), file(`${name}.pem`)];
    writeFileSync(certificateFile, cert);
    writeFileSync(keyFile, key);
    writeFileSync(bothFile, cert + key);
    return { certificate: cert, key, certificateFile, keyFile, bothFile };
  };
  const withLoopback = (hosts: readonly string[]) => [...hosts, '127.0.0.1', '::1'];

  return {
    ca: authority.cert,
    caFile,
    issue: (name, hosts) => issue(name, { names: withLoopback(hosts), ...validity(0, 2) }),
    issueExpired: (name, hosts) => issue(name, { names: withLoopback(hosts), ...validity(-2, -1) }),
    issueClient: (name, jids) => issue(name, { xmppAddresses: jids, ...validity(0, 2) }),
  };
}
