import { locationTarget } from '../../lib/transport/location.js';

describe('locationTarget', () => {
  it.each([
    ['xmpp.example.org', 'xmpp.example.org', 5222],
    ['xmpp.example.org.', 'xmpp.example.org', 5222],
    ['xmpp.example.org:9222', 'xmpp.example.org', 9222],
    ['192.0.2.1', '192.0.2.1', 5222],
    ['192.0.2.1:5223', '192.0.2.1', 5223],
    ['[2001:db8::1]', '2001:db8::1', 5222],
    ['[2001:db8::1]:9222', '2001:db8::1', 9222],
    ['2001:db8::1', '2001:db8::1', 5222],
    ['a.example:1', 'a.example', 1],
    ['a.example:65535', 'a.example', 65535],
  ])('%s', (location, host, port) => {
    expect(locationTarget(location, 'starttls')).toEqual({ host, port, security: 'starttls' });
  });

  it('takes the port of direct TLS where there is none', () => {
    expect(locationTarget('xmpp.example.org', 'direct')).toEqual({
      host: 'xmpp.example.org',
      port: 5223,
      security: 'direct',
    });
  });

  it.each([
    '',
    ' ',
    'a b',
    'host:',
    'host:0',
    'host:65536',
    'host:x',
    'user@host',
    'http://host',
    'host/path',
    '[::1',
    '[x]:1',
  ])('ignores %j', (location) => {
    expect(locationTarget(location, 'starttls')).toBeUndefined();
  });
});
