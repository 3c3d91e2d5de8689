import { X509Certificate } from 'node:crypto';
import { certificateIdentities } from '../../../lib/transport/node/certificate-identities.js';
import { checkIdentity } from '../../../lib/transport/node/check-identity.js';
import { selfSigned, type CertificateRequest } from '../../support/certificates.js';

const raw = async (request: CertificateRequest) => new X509Certificate((await selfSigned(request)).cert).raw;

/** 2001:db8::1 */
const IPV6 = [0x20, 0x01, 0x0d, 0xb8, ...new Array<number>(11).fill(0), 1];

describe('checkIdentity (T3)', () => {
  it.each<[string, string, CertificateRequest, boolean]>([
    ['the domain', 'example.org', { dns: ['example.org'] }, true],
    ['one of several names', 'example.org', { dns: ['example.net', 'example.org'] }, true],
    ['another case', 'Example.ORG', { dns: ['eXAMPLE.org'] }, true],
    ['a trailing dot', 'example.org.', { dns: ['example.org'] }, true],
    ['another domain', 'example.org', { dns: ['example.net'] }, false],
    ['a subdomain', 'example.org', { dns: ['im.example.org'] }, false],
    ['the parent', 'im.example.org', { dns: ['example.org'] }, false],
    ['a suffix', 'example.org', { dns: ['badexample.org'] }, false],
    ['an A-label', 'xn--mnchen-3ya.example', { dns: ['xn--mnchen-3ya.example'] }, true],

    ['a wildcard', 'im.example.org', { dns: ['*.example.org'] }, true],
    ['a wildcard is one label', 'a.b.example.org', { dns: ['*.example.org'] }, false],
    ['a wildcard is a label', 'example.org', { dns: ['*.example.org'] }, false],
    ['a wildcard is the leftmost label', 'im.example.org', { dns: ['im.*.org'] }, false],
    ['a wildcard is a whole label', 'im.example.org', { dns: ['i*.example.org'] }, false],
    ['a wildcard is a whole label, at its end', 'im.example.org', { dns: ['*m.example.org'] }, false],
    ['a wildcard is one of one', 'a.b.example.org', { dns: ['*.*.example.org'] }, false],
    ['a wildcard is no domain', 'localhost', { dns: ['*'] }, false],
    ['a wildcard is no empty label', '.example.org', { dns: ['*.example.org'] }, false],
    ['a wildcard stands for an A-label too', 'xn--mnchen-3ya.example', { dns: ['*.example'] }, true],
    ['a wildcard is not the reference', '*.example.org', { dns: ['im.example.org'] }, false],

    ['a common name alone', 'example.org', { commonName: 'example.org' }, false],
    ['a common name beside other names', 'example.org', { commonName: 'example.org', dns: ['example.net'] }, false],
    ['no name at all', 'example.org', {}, false],
    ['an empty name', '.', { dns: ['.'] }, false],
    ['a letter that would be two as capitals', 'strasse.example', { dns: ['stra\xdfe.example'] }, false],
    ['names of other kinds beside it', 'example.org', { uri: ['https://example.org'], dns: ['example.org'] }, true],
    ['a name of another kind', 'example.org', { uri: ['example.org'] }, false],

    ['SRVName', 'example.org', { srv: ['_xmpp-client.example.org'] }, true],
    ['SRVName of direct TLS', 'example.org', { srv: ['_xmpps-client.example.org'] }, true],
    ['SRVName of servers', 'example.org', { srv: ['_xmpp-server.example.org'] }, false],
    ['SRVName of another domain', 'example.org', { srv: ['_xmpp-client.example.net'] }, false],
    ['SRVName of a service whose name ends so', 'example.org', { srv: ['_x_xmpp-client.example.org'] }, false],
    ['SRVName with a second line', 'example.org', { srv: ['_xmpp-client.example.org\n.example.net'] }, false],
    ['SRVName with a wildcard', 'im.example.org', { srv: ['_xmpp-client.*.example.org'] }, true],
    ['XmppAddr', 'example.org', { xmpp: ['example.org'] }, true],
    ['XmppAddr with U-labels', 'xn--mnchen-3ya.example', { xmpp: ['münchen.example'] }, true],
    ['XmppAddr of a user', 'example.org', { xmpp: ['romeo@example.org'] }, false],
    ['XmppAddr of a resource', 'example.org', { xmpp: ['example.org/evil'] }, false],
    ['XmppAddr with what a URL may have behind its host', 'example.org', { xmpp: ['example.org?evil'] }, false],
    ['XmppAddr with an escape of URLs', 'example.org', { xmpp: ['ex%61mple.org'] }, false],
    ['XmppAddr with a line end', 'example.org', { xmpp: ['example\n.org'] }, false],
    ['XmppAddr that looks like an SRVName', 'example.org', { xmpp: ['_xmpp-client.example.org'] }, false],
    ['XmppAddr knows no wildcard', 'im.example.org', { xmpp: ['*.example.org'] }, false],

    ['the address of an IP domain', '192.0.2.1', { ip: ['192.0.2.1'] }, true],
    ['the address of an IPv6 domain, in another form', '[2001:db8:0:0::1]', { ip: ['2001:db8::1'] }, true],
    ['another address', '192.0.2.1', { ip: ['192.0.2.2'] }, false],
    ['an address, and an octet more', '[2001:db8::1]', { octets: [[...IPV6, 0]] }, false],
    ['an address as dNSName', '192.0.2.1', { dns: ['192.0.2.1'] }, false],
    ['an address for a name', 'example.org', { ip: ['192.0.2.1'] }, false],

    ['NUL in a name (CVE-2009-2408)', 'example.org', { dns: ['example.org\0.evil.example'] }, false],
    ['a name that looks like several (CVE-2021-44532)', 'example.org', { dns: ['x", DNS:"example.org'] }, false],
    ['a name that holds the separator', 'example.org', { dns: ['x, DNS:example.org'] }, false],
  ])('%s: %s', async (_, domain, request, accepted) => {
    const verdict = checkIdentity(domain, await raw(request));
    if (accepted) expect(verdict).toBeUndefined();
    else
      expect(verdict).toMatchObject({ name: 'TlsError', condition: 'wrong-identity', phase: 'tls', retryable: false });
  });

  it('names what the certificate is for, and what it should be for', async () => {
    const verdict = checkIdentity('example.org', await raw({ dns: ['a.example'], ip: ['192.0.2.1', '2001:db8::1'] }));
    expect(verdict!.text).toBe(
      "the server's certificate is for a.example, 192.0.2.1, 2001:db8:0:0:0:0:0:1, not for example.org, the domain of the JID",
    );
  });

  it.each<[string, CertificateRequest, RegExp]>([
    ['has no name', {}, /is for no domain .*subjectAltName/],
    ['has an address that is none', { octets: [[...IPV6, 0]] }, /is for a malformed address, not for/],
  ])('says that it %s', async (_, request, text) => {
    expect(checkIdentity('example.org', await raw(request))!.text).toMatch(text);
  });

  it('refuses what is no certificate, wherever it is cut', async () => {
    const certificate = await raw({ dns: ['example.org'] });
    for (let length = 0; length < certificate.length; length++) {
      const verdict = checkIdentity('example.org', certificate.subarray(0, length));
      expect(verdict).toMatchObject({ condition: 'wrong-identity' });
    }
    expect(checkIdentity('example.org', undefined)).toMatchObject({ condition: 'wrong-identity' });
  });

  it('reads every kind of name', async () => {
    const { dns, ip, srv, xmpp } = certificateIdentities(
      await raw({
        dns: ['a.example', 'b.example'],
        ip: ['192.0.2.1'],
        srv: ['_xmpp-client.c.example'],
        xmpp: ['d.example'],
      }),
    );
    expect({ dns, ip: ip.map((octets) => [...octets]), srv, xmpp }).toEqual({
      dns: ['a.example', 'b.example'],
      ip: [[192, 0, 2, 1]],
      srv: ['c.example'],
      xmpp: ['d.example'],
    });
  });
});
