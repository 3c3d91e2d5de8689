/** What a domain tells of its WebSocket (XEP-0156), by path. `url`: none where there is no secure one (section 3). */
export function hostMeta(path: string, url: string | undefined): { type: string; body: string } | undefined {
  const rel = 'urn:xmpp:alt-connections:websocket';
  if (path === '/.well-known/host-meta.json')
    return { type: 'application/json', body: JSON.stringify({ links: url === undefined ? [] : [{ rel, href: url }] }) };
  if (path !== '/.well-known/host-meta') return undefined;
  const link = url === undefined ? '' : `<Link rel='${rel}' href='${url}'/>`;
  const body = `<?xml version='1.0' encoding='utf-8'?>\n<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>${link}</XRD>\n`;
  return { type: 'application/xrd+xml', body };
}
