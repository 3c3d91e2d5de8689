import { contextFault, EMPTY, holds, identifierFault, TOO_LONG, type Fail } from './precis.js';
import { decodePunycode } from './punycode.js';
import { followsBidiRule, hostname, isRightToLeft, lowerCase, toAscii } from './unicode.js';

// Labels of letters, digits and hyphens (RFC 5890 section 2.3.1) of up to 63 octets, with no hyphen at either end, and none
// in the third and fourth place but for A-labels. A number cannot come last, since URL parsers (and so WebSocket
// connections) take such names for addresses.
const names = (reserved: string): RegExp => {
  const label = `(?!${reserved})[a-z\\d_](?:[a-z\\d_-]{0,61}[a-z\\d_])?`;
  return new RegExp(`^(?:${label}\\.)*(?!(?:\\d+|0x[\\da-f]*)$)${label}$`, 'i');
};
const plain = names('..--');
const ascii = names('(?!xn)..--');
/** An IPv4 address as the URL parser would write it. */
const isIpv4 = (name: string): boolean => /^(\d+\.){3}\d+$/.test(name) && hostname(name) === name;

/**
 * Prepares a domain part (RFC 7622 section 3.2): a domain name of U-labels in lower case, an IPv4 address, or an IPv6
 * address in brackets. A final dot is stripped.
 *
 * Names: mapped and validated by the engine's URL parser (UTS #46); then IDNA2008's code points and contextual rules (RFC
 * 5892) and the Bidi rule (RFC 5893), which some engines check in part only. A-labels (`xn--`) become U-labels, and must be
 * what those encode to. One leniency: `_` counts as a letter, since host names of private networks have it.
 */
export function prepareDomain(text: string, fail: Fail): string {
  // The limit stands before the URL parser, too, as that takes time squared to the length of a label.
  if (text.length > 1023) return fail(TOO_LONG);
  if (plain.test(text)) return text.toLowerCase();
  // What UTS #46 does as well, but engines not alike: its versions differ on capital sharp s, and ada 4.0 (Node 24) leaves
  // some Hangul decomposed.
  const name = lowerCase(text)
    .normalize('NFC')
    .replace(/[.\u3002\uff0e\uff61]$/, '');
  if (plain.test(name) || isIpv4(name)) return name;
  // In its canonical form (RFC 5952), so that two spellings of one address are equal.
  if (/^\[[\da-f:.]+\]$/.test(name)) return hostname(name) ?? fail(INVALID);
  return name ? idna(name, fail) : fail(EMPTY);
}

/** The A-label form of a prepared domain. */
export const asciiDomain = (domain: string): string => toAscii(domain) ?? domain;

function idna(name: string, fail: Fail): string {
  // What the URL parser would read as something else than a domain must not reach it, nor what it would drop: invisible
  // characters, of which IDNA2008 allows none but joiners.
  const bad = holds(/[^a-z\d_.\-\x80-\u{10ffff}]|(?![\u200c\u200d])\p{DI}/u.exec(name)?.[0]);
  const encoded = bad ? '' : (toAscii(name) ?? '');
  if (isIpv4(encoded)) return encoded;
  if (!ascii.test(encoded)) return fail(bad ?? INVALID);
  const labels = encoded.split('.').map((label) => (label.startsWith('xn--') ? decodePunycode(label.slice(4)) : label));
  const domain = labels.join('.');
  const bidi = isRightToLeft(domain);
  for (const label of labels) {
    const why = identifierFault(label) ?? contextFault(label);
    if (why) return fail(why);
    // Of what PRECIS allows, IDNA2008 excludes three blocks of combining symbols (RFC 5892 section 2.4).
    if (/^\p{M}|^-|^..--|-$|[\u20d0-\u20ff\u{1d100}-\u{1d24f}]/u.test(label) || (bidi && !followsBidiRule(label)))
      return fail(INVALID);
  }
  // An A-label that its own U-label does not encode to is a fake (RFC 5891 section 5.4).
  return toAscii(domain) === encoded ? domain : fail(INVALID);
}

const INVALID = 'is no domain name or address';
