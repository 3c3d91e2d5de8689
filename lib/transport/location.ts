import type { Target } from '../trace/lifecycle-event.js';
import { ipLiteral } from './ip-literal.js';

/**
 * Reads an address as `see-other-host` (RFC 6120 section 4.9.3.19) and the `location` of a resumption (XEP-0198 section 5) give
 * it: `host`, `host:port`, `[address]:port`, or an address by itself.
 *
 * @returns `undefined` for what is none: a server's mistake must not keep us from where we can go.
 */
export function locationTarget(location: string, security: Target['security']): Target | undefined {
  const standard = security === 'direct' ? 5223 : 5222;
  // One colon is before a port, more are within an IPv6 address.
  const bare = location.split(':').length === 2 ? undefined : ipLiteral(location);
  if (bare !== undefined) return { host: bare, port: standard, security };
  const match = /^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]]{1,253})(?::([0-9]{1,5}))?$/i.exec(location);
  if (!match) return undefined;
  const port = match[2] === undefined ? standard : Number(match[2]);
  if (port < 1 || port > 65_535) return undefined;
  const host = match[1]!.replace(/\.$/, '');
  return { host: ipLiteral(host) ?? host, port, security };
}
