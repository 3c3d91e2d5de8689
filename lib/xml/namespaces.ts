/** The namespaces that rxmpp speaks, under short names. */
export const NS = {
  /** XML itself; what the prefix `xml` is always bound to. */
  xml: 'http://www.w3.org/XML/1998/namespace',
  /** Namespace declarations themselves; what `xmlns` is always bound to. */
  xmlns: 'http://www.w3.org/2000/xmlns/',
  // RFC 6120
  client: 'jabber:client',
  server: 'jabber:server',
  stream: 'http://etherx.jabber.org/streams',
  streams: 'urn:ietf:params:xml:ns:xmpp-streams',
  stanzas: 'urn:ietf:params:xml:ns:xmpp-stanzas',
  tls: 'urn:ietf:params:xml:ns:xmpp-tls',
  sasl: 'urn:ietf:params:xml:ns:xmpp-sasl',
  bind: 'urn:ietf:params:xml:ns:xmpp-bind',
  // RFC 3921 (legacy session) and RFC 6121
  session: 'urn:ietf:params:xml:ns:xmpp-session',
  roster: 'jabber:iq:roster',
  rosterVersioning: 'urn:xmpp:features:rosterver',
  preApproval: 'urn:xmpp:features:pre-approval',
  // RFC 7395
  framing: 'urn:ietf:params:xml:ns:xmpp-framing',
  // XEPs
  discoInfo: 'http://jabber.org/protocol/disco#info',
  discoItems: 'http://jabber.org/protocol/disco#items',
  caps: 'http://jabber.org/protocol/caps',
  dataForms: 'jabber:x:data',
  rsm: 'http://jabber.org/protocol/rsm',
  register: 'jabber:iq:register',
  registerFeature: 'http://jabber.org/features/iq-register',
  sm: 'urn:xmpp:sm:3',
  ping: 'urn:xmpp:ping',
  delay: 'urn:xmpp:delay',
  carbons: 'urn:xmpp:carbons:2',
  forward: 'urn:xmpp:forward:0',
  mam: 'urn:xmpp:mam:2',
  csi: 'urn:xmpp:csi:0',
  receipts: 'urn:xmpp:receipts',
  chatStates: 'http://jabber.org/protocol/chatstates',
  sasl2: 'urn:xmpp:sasl:2',
  bind2: 'urn:xmpp:bind:0',
  fast: 'urn:xmpp:fast:0',
  channelBinding: 'urn:xmpp:sasl-cb:0',
  ssdp: 'urn:xmpp:ssdp:0',
  xrd: 'http://docs.oasis-open.org/ns/xri/xrd-1.0',
} as const;
