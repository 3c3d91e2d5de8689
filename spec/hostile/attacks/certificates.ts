import { DOMAIN } from '../../support/wire.js';
import { authority, selfSigned, type Authority, type Identity } from '../../support/certificates.js';
import type { TlsOptions } from '../../../lib/transport/node/secure-socket.js';
import type { Attack } from '../attack.js';
import { playReal, type Certificates, type RealLink } from '../play-real.js';
import type { Special } from '../special.js';

/** A server that would let anybody in. */
const WELCOMING: Attack = {
  row: 'T3',
  name: '',
  script: (wire) => [wire.online(), wire.survives()],
  ends: [],
};

const CERTIFICATES: readonly [string, string, (ca: Authority) => Promise<Identity>, TlsOptions?][] = [
  [
    'for the host that was dialled, and not for the domain',
    'wrong-identity',
    (ca) => ca.issue({ dns: ['localhost'], ip: ['127.0.0.1'] }),
  ],
  ['for the target of an SRV record', 'wrong-identity', (ca) => ca.issue({ dns: [`xmpp.${DOMAIN}`] })],
  ['with a wildcard one label too deep', 'wrong-identity', (ca) => ca.issue({ dns: [`*.${DOMAIN}`] })],
  ['with a wildcard for all', 'wrong-identity', (ca) => ca.issue({ dns: ['*'] })],
  ['with a common name alone', 'wrong-identity', (ca) => ca.issue({ commonName: DOMAIN })],
  ['for an IP address', 'wrong-identity', (ca) => ca.issue({ ip: ['127.0.0.1'] })],
  ['of another service of the domain', 'wrong-identity', (ca) => ca.issue({ srv: [`_imap.${DOMAIN}`] })],
  ['with a NUL in its name', 'wrong-identity', (ca) => ca.issue({ dns: [`${DOMAIN}\0.evil.example.net`] })],
  ['that has expired', 'certificate-expired', (ca) => ca.issue({ dns: [DOMAIN], ip: ['127.0.0.1'], from: -9, to: -1 })],
  [
    'that is not valid yet',
    'untrusted-certificate',
    (ca) => ca.issue({ dns: [DOMAIN], ip: ['127.0.0.1'], from: 1, to: 2 }),
  ],
  ['that nobody stands for', 'untrusted-certificate', () => selfSigned({ dns: [DOMAIN], ip: ['127.0.0.1'] })],
  [
    'of a CA that we do not know',
    'untrusted-certificate',
    async () => (await authority('another')).issue({ dns: [DOMAIN], ip: ['127.0.0.1'] }),
  ],
  ['for clients', 'untrusted-certificate', (ca) => ca.issue({ dns: [DOMAIN], ip: ['127.0.0.1'], usage: 'client' })],
];

/** In a WebSocket nobody is told why, and the name is that of the address. */
const BY_NAME = new Set(['wrong-identity']);

/** T3, T4 */
export function certificateAttacks(certificates: Certificates): readonly Special[] {
  const trusted = (
    link: RealLink,
    name: string,
    condition: string,
    issue: () => Promise<Identity>,
    row = 'T3',
    tls?: TlsOptions,
  ): Special => ({
    row,
    name,
    via: link,
    ends: [
      link === 'wss'
        ? 'transport websocket-failed (connect)'
        : new RegExp(`^tls (${condition}|handshake-failed) \\(tls\\)$`),
    ],
    play: async () => playReal(WELCOMING, link, { ca: certificates.ca, identity: await issue() }, tls),
  });
  const links = (condition: string): readonly RealLink[] =>
    BY_NAME.has(condition) ? ['tcp', 'tls'] : ['tcp', 'tls', 'wss'];
  return [
    ...CERTIFICATES.flatMap(([name, condition, issue]) =>
      links(condition).map((link) => trusted(link, `a certificate ${name}`, condition, () => issue(certificates.ca))),
    ),
    ...[undefined, null].flatMap((value) =>
      (['tcp', 'tls', 'wss'] as const).map((link) =>
        trusted(
          link,
          `rejectUnauthorized: ${value}, and a certificate that nobody stands for`,
          'untrusted-certificate',
          () => selfSigned({ dns: [DOMAIN], ip: ['127.0.0.1'] }),
          'T4',
          { rejectUnauthorized: value } as unknown as TlsOptions,
        ),
      ),
    ),
  ];
}
