import { JidError } from '../errors/index.js';
import { encode } from '../xml/utf8.js';
import { bareOf } from './bare-of.js';
import { asciiDomain, prepareDomain } from './domain.js';
import { EMPTY, holds, opaqueString, TOO_LONG, usernameCaseMapped, type Fail, type Profile } from './precis.js';

/** RFC 7622 section 3: octets of UTF-8 that each part may have. */
const MOST = 1023;

/**
 * An address of XMPP (RFC 7622): `local@domain/resource`, of which only the domain is required. Made by `jid()` or `Jid.of()`,
 * immutable, and always in prepared form, so that two of them are the same address exactly if their texts are equal.
 */
export class Jid {
  readonly local: string | undefined;
  /** In U-labels: `münchen.example`; an IPv6 address is in brackets. */
  readonly domain: string;
  readonly resource: string | undefined;

  private constructor(local: string | undefined, domain: string, resource: string | undefined) {
    this.local = local;
    this.domain = domain;
    this.resource = resource;
  }

  /**
   * Prepares and joins the parts. Unlike in text, `/` and `@` need no care here: a resource may hold them, the others
   * refuse them.
   *
   * @throws JidError naming the part.
   */
  static of(local: string | undefined, domain: string, resource?: string): Jid {
    return new Jid(
      local === undefined ? local : prepared('local', local, localpart),
      prepared('domain', domain, prepareDomain),
      resource === undefined ? resource : prepared('resource', resource, opaqueString),
    );
  }

  /** Without the resource. */
  bare(): Jid {
    return this.resource === undefined ? this : this.withResource(undefined);
  }

  /** With this resource in place of its own; `undefined` gives the bare JID. */
  withResource(resource: string | undefined): Jid {
    return new Jid(
      this.local,
      this.domain,
      resource === undefined ? resource : prepared('resource', resource, opaqueString),
    );
  }

  /** Whether the other is the same address, resource included. */
  equals(other: Jid | null | undefined): boolean {
    return !!other && this.local === other.local && this.domain === other.domain && this.resource === other.resource;
  }

  /** The domain in A-labels (`xn--mnchen-3ya.example`), as DNS, SNI and certificates have it. IPv6 keeps its brackets. */
  get asciiDomain(): string {
    return asciiDomain(this.domain);
  }

  toString(): string {
    const bare = this.local === undefined ? this.domain : `${this.local}@${this.domain}`;
    return this.resource === undefined ? bare : `${bare}/${this.resource}`;
  }

  /** The text, so that a JID in JSON is one. */
  toJSON(): string {
    return this.toString();
  }
}

/**
 * Parses and prepares a JID: `jid('Alice@Example.org/Phone').toString()` is `alice@example.org/Phone`.
 *
 * @throws JidError if the text is no JID; `part` names the part at fault.
 */
export function jid(text: string): Jid {
  // RFC 7622 section 3.1: the first slash ends the bare JID, and within that the first @ ends the local part. Before any
  // mapping, which could make such characters out of others.
  const bare = bareOf(text);
  const at = bare.indexOf('@');
  return Jid.of(
    at < 0 ? undefined : bare.slice(0, at),
    bare.slice(at + 1),
    bare === text ? undefined : text.slice(bare.length + 1),
  );
}

/** RFC 7622 section 3.3.1: UsernameCaseMapped, less a few characters. */
const localpart: Profile = (text, fail) => {
  const done = usernameCaseMapped(text, fail);
  const why = holds(/["&'/:<>@]/.exec(done)?.[0]);
  return why ? fail(why) : done;
};

function prepared(part: JidError['part'], text: string, profile: Profile): string {
  const fail: Fail = (what) => {
    throw new JidError(part, `the ${part} part of the JID ${what}`);
  };
  if (text === '') fail(EMPTY);
  // Refused before the work of preparing it where its length alone decides. NFC makes at least two octets of three units of UTF-16,
  // so whatever has twice the limit in units is above it in octets as well.
  if (text.length > 2 * MOST) fail(TOO_LONG);
  const done = profile(text, fail);
  // At most three octets for each unit of UTF-16.
  if (done.length > MOST / 3 && encode(done).length > MOST) fail(TOO_LONG);
  return done;
}
