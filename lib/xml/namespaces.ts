/** The namespaces that rxmpp speaks, under short names. */
export const NS = {
  /** XML itself; what the prefix `xml` is always bound to. */
  xml: 'http://www.w3.org/XML/1998/namespace',
  /** Namespace declarations themselves; what `xmlns` is always bound to. */
  xmlns: 'http://www.w3.org/2000/xmlns/',
  // RFC 6120
  client: 'jabber:client',
  stream: 'http://etherx.jabber.org/streams',
  streams: 'urn:ietf:params:xml:ns:xmpp-streams',
  stanzas: 'urn:ietf:params:xml:ns:xmpp-stanzas',
  tls: 'urn:ietf:params:xml:ns:xmpp-tls',
  sasl: 'urn:ietf:params:xml:ns:xmpp-sasl',
  bind: 'urn:ietf:params:xml:ns:xmpp-bind',
  // RFC 3921 (legacy session) and RFC 6121
  session: 'urn:ietf:params:xml:ns:xmpp-session',
  roster: 'jabber:iq:roster',
  // RFC 7395
  framing: 'urn:ietf:params:xml:ns:xmpp-framing',
  // XEPs
  discoInfo: 'http://jabber.org/protocol/disco#info',
  discoItems: 'http://jabber.org/protocol/disco#items',
  dataForms: 'jabber:x:data',
  register: 'jabber:iq:register',
  registerFeature: 'http://jabber.org/features/iq-register',
  sm: 'urn:xmpp:sm:3',
  ping: 'urn:xmpp:ping',
  delay: 'urn:xmpp:delay',
  csi: 'urn:xmpp:csi:0',
  channelBinding: 'urn:xmpp:sasl-cb:0',
  ssdp: 'urn:xmpp:ssdp:0',
} as const;
