import fc from 'fast-check';
import { serialize } from '../../lib/xml/serialize.js';
import { element } from '../xml/arbitraries.js';

export const HEADER =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='s1' from='example.org' version='1.0'>";
export const FOOTER = '</stream:stream>';

const CONTENT = [
  "<message to='romeo@montague.example' type='chat' id=\"m1\"><body>Art thou not Romeo, &amp; a Montague?</body></message>",
  "<presence from='a@b/c' xml:lang='en'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1'/></presence>",
  "<iq type='result' id='1'><query xmlns='jabber:iq:roster'><item jid='x' name='&lt;&#x41;'/>\n<item jid=\"y\"/></query></iq>",
  "<p:a xmlns:p='urn:p' p:b='1' c=''><p:d/>text]] ></p:a>",
  '<a><![CDATA[<raw> ]] &]]>x<b></b >y\r\nz\u{1f600}</a>',
  '<a b="tab\tand\nline" c=\'>\'>1 > 2</a>',
  ' \n<r xmlns="urn:xmpp:sm:3"/>',
];

const PIECES = [
  '<', '>', '/', '/>', '</', '</a>', '<a>', '<a', '&', ';', '&amp;', '&#10;', '&#x', '&#x41;', '&foo;', "'", '"', '=', " b='1'", ' b="', ' ',
  '\n', '\r', '\t', '\0', '\x0b', '\x7f', ']', ']]', ']]>', '<![CDATA[', '<!--', '-->', '<?', '?>', '<?xml ', '<!DOCTYPE', ':', 'xmlns',
  " xmlns='u'", " xmlns:p='v'", " xmlns:p=''", " xmlns:xml='x'", 'p:', '-', '.', '1', 'é', '\ufeff', '\ufffe', '\uffff', '\ud800', '\u{1f600}', FOOTER,
  '<stream:stream>', '<stream:features/>', 'xmlns:xmlns', '&lt;&gt;&quot;&apos;',
]; // prettier-ignore

/** A document near to well-formed: stanzas, and some changes to their text. */
export interface Draft {
  readonly content: readonly string[];
  readonly closed: boolean;
  readonly edits: readonly {
    readonly at: number;
    readonly kind: 'insert' | 'replace' | 'delete' | 'move' | 'octet';
    readonly piece: string;
    readonly length: number;
  }[];
}

const generated = element.filter(({ attrs }) => attrs.xmlns !== '').map((one) => serialize(one));

export const draft: fc.Arbitrary<Draft> = fc.record({
  content: fc.array(
    fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...CONTENT) }, { weight: 1, arbitrary: generated }),
    { minLength: 1, maxLength: 3 },
  ),
  closed: fc.boolean(),
  edits: fc.array(
    fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      kind: fc.constantFrom(
        'insert' as const,
        'insert' as const,
        'replace' as const,
        'delete' as const,
        'move' as const,
        'octet' as const,
      ),
      piece: fc.constantFrom(...PIECES),
      length: fc.nat({ max: 6 }),
    }),
    { maxLength: 4 },
  ),
});

/** The octets of a draft. Mostly what follows the header is changed: otherwise all documents would fail at once. */
export function octetsOf({ content, closed, edits }: Draft): Uint8Array {
  let text = content.join('');
  const wrong: { at: number; octet: number }[] = [];
  for (const { at, kind, piece, length } of edits) {
    const place = Math.floor(at * text.length);
    if (kind === 'insert') text = text.slice(0, place) + piece + text.slice(place);
    else if (kind === 'replace') text = text.slice(0, place) + piece + text.slice(place + length);
    else if (kind === 'delete') text = text.slice(0, place) + text.slice(place + length);
    else if (kind === 'move') text = text.slice(0, place) + text.slice(Math.max(0, place - 10 * length));
    else wrong.push({ at, octet: (piece.codePointAt(0)! * 37 + length * 41) % 256 });
  }
  const bytes = new TextEncoder().encode(HEADER + text + (closed ? FOOTER : ''));
  for (const { at, octet } of wrong) bytes[HEADER.length + Math.floor(at * (bytes.length - HEADER.length - 1))] = octet;
  return bytes;
}

/** Cuts by lengths, over and over; none of them is whole. */
export function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  if (lengths.length === 0 || lengths.every((length) => length === 0)) return [bytes];
  const chunks: Uint8Array[] = [];
  for (let [at, turn] = [0, 0]; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length]!;
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return chunks;
}
