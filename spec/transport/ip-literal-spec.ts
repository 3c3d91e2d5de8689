import { ipLiteral } from '../../lib/transport/ip-literal.js';

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['192.0.2.100', '192.0.2.100'],
  ['[2001:db8::10]', '2001:db8::10'],
  ['example.org', undefined],
  ['a.192.0.2.1', undefined],
  ['x192.0.2.1', undefined],
  ['localhost', undefined],
  ['1.2.3', undefined],
  ['1.2.3.4.example', undefined],
  ['dead.beef', undefined],
  ['', undefined],
])('ipLiteral(%j) is %j', (domain, expected) => {
  expect(ipLiteral(domain)).toBe(expected);
});
