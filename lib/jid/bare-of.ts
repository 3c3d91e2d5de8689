/**
 * The text of a JID without its resource, by splitting alone: neither checked nor prepared. For what compares addresses that
 * a server has prepared, where `jid(text).bare()` would be waste.
 */
export function bareOf(text: string): string {
  const slash = text.indexOf('/');
  return slash < 0 ? text : text.slice(0, slash);
}
