// What is sent and parsed: the same for every client. The chat message is 351 octets, the archive result about 1 KB.
const range = (n, make) => Array.from({ length: n }, (_, i) => make(i));
const SPEECH = 'He jests at scars that never felt a wound. ';

/** The body of every chat message but its number, so that who counts can also look. */
export const BODY =
  "Deny thy father & refuse thy name; or if thou wilt not, be but sworn my love, and I'll no longer be. ";

/** Makers of the n-th stanza. */
export const stanza = {
  chat: (i) => `<message to='romeo@montague.example/orchard' from='juliet@capulet.example/balcony' type='chat' id='m${number(i)}' xml:lang='en'><body>${BODY.replace('&', '&amp;')}${number(i)}</body><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/></message>`,
  archive: (i) => `<message id='a${number(i)}' to='juliet@capulet.lit/chamber'><result xmlns='urn:xmpp:mam:2' queryid='f27' id='28482-98726-${number(i)}'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2010-07-10T23:08:25Z'/><message xmlns='jabber:client' to='juliet@capulet.lit/balcony' from='romeo@montague.lit/orchard' type='chat' id='x${number(i)}'><body>${SPEECH.repeat(9)}</body><stanza-id xmlns='urn:xmpp:sid:0' by='juliet@capulet.lit' id='s${number(i)}'/><thread parent='e0ffe42b2856'>0e3141cd80894871a68e6fe6b1ec56fa</thread></message></forwarded></result></message>`,
  presence: (i) => `<presence from='user${i}@example.org/phone' to='me@example.org/x'><show>away</show><priority>5</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://gajim.org' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/><x xmlns='vcard-temp:x:update'><photo>01b87fcd030b72895ff8e88db57ec525450f000d</photo></x></presence>`,
  roster: (i) => `<iq type='result' id='r${i}' to='me@example.org/x'><query xmlns='jabber:iq:roster'>${range(900, (k) => `<item jid='contact${k}@example.org' name='Contact Number ${k}' subscription='both'><group>Friends</group></item>`).join('')}</query></iq>`,
}; // prettier-ignore

/** Of one length, whatever the number, so that every stanza costs the same. */
function number(i) {
  return String(i).padStart(6, '0');
}

export const stanzas = (kind, count) => range(count, stanza[kind]);
