/** A small generator of numbers (mulberry32): the same seed gives the same documents. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const pick = <T>(random: () => number, list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

const CONTENT = [
  "<message to='romeo@montague.example' type='chat' id=\"m1\"><body>Art thou not Romeo, &amp; a Montague?</body></message>",
  "<presence from='a@b/c' xml:lang='en'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1'/></presence>",
  "<iq type='result' id='1'><query xmlns='jabber:iq:roster'><item jid='x' name='&lt;&#x41;'/>\n<item jid=\"y\"/></query></iq>",
  "<p:a xmlns:p='urn:p' p:b='1' c=''><p:d/>text]] ></p:a>",
  '<a><![CDATA[<raw> ]] &]]>x<b></b >y\r\nz<größe n="ü€"/>\u{1f600}</a>',
  '<stream:features><x xmlns="urn:x"/></stream:features>',
  '<a b="tab\tand\nline" c=\'>\'>1 > 2</a>',
  ' \n<r xmlns="urn:xmpp:sm:3"/>',
  '<a-._:b x:y-1="z"/>',
  `<long>${'lorem ipsum '.repeat(30)}</long>`,
];

const PIECES = [
  '<', '>', '/', '/>', '</', '</a>', '<a>', '<a', '&', ';', '&amp;', '&#10;', '&#x', '&foo;', "'", '"', '=', " b='1'", ' b="', ' ',
  '\n', '\r', '\t', '\0', '\x0b', '\x7f', ']', ']]', ']]>', '<![CDATA[', '<!--', '-->', '<?', '?>', '<?xml ', '<!DOCTYPE', ':', 'xmlns',
  " xmlns='u'", " xmlns:p='v'", 'p:', '-', '.', '1', 'é', '\ufeff', '\ufffe', '\uffff', '\u{1f600}', '</stream:stream>', '<stream:stream>',
]; // prettier-ignore

/** A document near to well-formed: stanzas with a few random changes, or none. */
export function mutant(random: () => number, header: string): string {
  let text = header;
  for (let n = 1 + Math.floor(random() * 4); n > 0; n--) text += pick(random, CONTENT);
  if (random() < 0.3) text += '</stream:stream>';
  for (let n = Math.floor(random() * 4); n > 0; n--) {
    const at = Math.floor(random() * (text.length + 1));
    // Mostly after the header, as otherwise all documents fail at once.
    if (at < header.length && random() < 0.8) continue;
    const length = Math.floor(random() * 4);
    const kind = random();
    if (kind < 0.5) text = text.slice(0, at) + pick(random, PIECES) + text.slice(at);
    else if (kind < 0.7) text = text.slice(0, at) + text.slice(at + length);
    else if (kind < 0.9) text = text.slice(0, at) + pick(random, PIECES) + text.slice(at + length);
    else text = text.slice(0, at) + text.slice(Math.floor(random() * text.length));
  }
  return text;
}

/** Cuts into chunks of random lengths, mostly long, sometimes empty. */
export function chunked<T extends { length: number; slice(start: number, end?: number): T }>(
  random: () => number,
  whole: T,
): T[] {
  const chunks: T[] = [];
  for (let at = 0; at < whole.length;) {
    const length = Math.floor(random() ** 3 * 1000 + random() * 3);
    chunks.push(whole.slice(at, at + length));
    at += length;
  }
  return chunks;
}
