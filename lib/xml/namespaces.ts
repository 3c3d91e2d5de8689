// The namespaces that rxmpp speaks, under short names: `NS`. Each is a constant of its own, so that an application gets those in use.

/** XML itself; what the prefix `xml` is always bound to. */
export const xml = 'http://www.w3.org/XML/1998/namespace';
/** Namespace declarations themselves; what `xmlns` is always bound to. */
export const xmlns = 'http://www.w3.org/2000/xmlns/';
// RFC 6120
export const client = 'jabber:client';
export const stream = 'http://etherx.jabber.org/streams';
export const streams = 'urn:ietf:params:xml:ns:xmpp-streams';
export const stanzas = 'urn:ietf:params:xml:ns:xmpp-stanzas';
export const tls = 'urn:ietf:params:xml:ns:xmpp-tls';
export const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
export const bind = 'urn:ietf:params:xml:ns:xmpp-bind';
// RFC 3921 (legacy session) and RFC 6121
export const session = 'urn:ietf:params:xml:ns:xmpp-session';
export const roster = 'jabber:iq:roster';
// RFC 7395
export const framing = 'urn:ietf:params:xml:ns:xmpp-framing';
// XEPs
export const discoInfo = 'http://jabber.org/protocol/disco#info';
export const discoItems = 'http://jabber.org/protocol/disco#items';
export const dataForms = 'jabber:x:data';
export const register = 'jabber:iq:register';
export const registerFeature = 'http://jabber.org/features/iq-register';
export const sm = 'urn:xmpp:sm:3';
export const ping = 'urn:xmpp:ping';
export const delay = 'urn:xmpp:delay';
export const csi = 'urn:xmpp:csi:0';
export const channelBinding = 'urn:xmpp:sasl-cb:0';
export const ssdp = 'urn:xmpp:ssdp:0';
