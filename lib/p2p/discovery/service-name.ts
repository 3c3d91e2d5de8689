/** Where peers are announced (XEP-0174), and where kinds of services are (RFC 6763 section 9). */
export const PRESENCE = '_presence._tcp.local';
export const ALL_SERVICES = '_services._dns-sd._udp.local';

/** `juliet@pronto._presence._tcp.local`: the instance is one label, whatever dots it has. */
export function serviceName(instance: string): string {
  return `${instance.replace(/[.\\]/g, '\\$&')}.${PRESENCE}`;
}

/** The instance of such a name; `undefined` for any other name. A dot in it may have its backslash or not: not all libraries tell. */
export function instanceOf(name: string): string | undefined {
  const end = name.replace(/\.$/, '').length - PRESENCE.length - 1;
  if (end < 1 || keyOf(name.slice(end)) !== `.${PRESENCE}`) return undefined;
  return unescaped(name.slice(0, end));
}

/** What is equal for equal names: their case is no matter, in ASCII (RFC 6762 section 16), and a final dot says nothing. */
export function keyOf(name: string): string {
  return unescaped(name.replace(/\.$/, '')).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function unescaped(name: string): string {
  return name.replace(/\\(.)/g, '$1');
}
