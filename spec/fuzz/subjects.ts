import fc from 'fast-check';
import { of } from 'rxjs';
import { SaslError, TransportError, XmppError } from '../../lib/errors/index.js';
import { jid } from '../../lib/jid/jid.js';
import type { Crypto } from '../../lib/crypto/crypto.js';
import { scram } from '../../lib/sasl/scram.js';
import { increment, parseCount, Unacknowledged } from '../../lib/stream/management/unacknowledged.js';
import { hostMeta } from '../../lib/transport/websocket/host-meta.js';
import { parseElement } from '../../lib/xml/parse-element.js';
import { serialize } from '../../lib/xml/serialize.js';
import { xml } from '../../lib/xml/xml.js';
import { StreamParser } from '../../lib/xml/stream-parser.js';
import { saslContext } from '../support/sasl-context.js';
import { element } from '../xml/arbitraries.js';
import { cut, draft, octetsOf, type Draft } from './documents.js';
import { must, subject, type AnySubject } from './subject.js';

/** What the parser tells, a line each. Whatever comes after an error is told too. */
export function told(chunks: readonly Uint8Array[]): string[] {
  const log: string[] = [];
  const parser = new StreamParser(
    { framing: 'stream' },
    {
      open: (header, contentNs) => log.push(`open ${header.name} ${contentNs}`),
      element: (one) => log.push(serialize(one)),
      close: () => log.push('close'),
      error: (error) => log.push(`error: ${error.condition}`),
    },
  );
  for (const chunk of chunks) parser.write(chunk);
  return log;
}

const parser = subject<{ draft: Draft; lengths: number[] }>({
  name: 'parser: mutated documents, cut anyhow',
  given: fc.record({ draft, lengths: fc.array(fc.nat({ max: 40 }), { maxLength: 5 }) }),
  share: 8,
  holds: ({ draft: given, lengths }) => {
    const bytes = octetsOf(given);
    const whole = told([bytes]);
    const error = whole.findIndex((line) => line.startsWith('error'));
    must(error < 0 || error === whole.length - 1, `something was told after an error: ${whole.join(' | ')}`);
    const parts = told(cut(bytes, lengths));
    must(
      parts.join('\n') === whole.join('\n'),
      `cut, it is otherwise: ${parts.join(' | ')} and not ${whole.join(' | ')}`,
    );
  },
});

const serializer = subject({
  name: 'serializer: what is written is read as the same',
  given: element,
  share: 2,
  holds: (given) => {
    // Within another: what is at the top level is not of every namespace.
    const written = serialize(xml('message', {}, given));
    const read = parseElement(written);
    must(read !== undefined, `cannot be read: ${written}`);
    must(serialize(read) === written, `${serialize(read)} and not ${written}`);
  },
});

const jidText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '@',
        '/',
        '.',
        ':',
        ' ',
        '\0',
        'a',
        'B',
        'ß',
        'ſ',
        'İ',
        '\u00ad',
        '\u200d',
        '\u0301',
        '。',
        'xn--',
        '[::1]',
        '１',
        'א',
        '٣',
        '\ud800',
        'example.org',
        'x'.repeat(1023),
      ),
      fc.string({ unit: 'binary', maxLength: 5 }),
    ),
    { maxLength: 7 },
  )
  .map((parts) => parts.join(''));

const jids = subject({
  name: 'JIDs: prepared once is prepared for good',
  given: jidText,
  share: 3,
  holds: (text) => {
    let read;
    try {
      read = jid(text);
    } catch (error) {
      must(error instanceof XmppError && error.layer === 'jid', `${String(error)} for a JID`);
      return;
    }
    const again = jid(read.toString());
    must(again.equals(read) && again.toString() === read.toString(), `${again.toString()} and not ${read.toString()}`);
    must(read.bare().resource === undefined, 'a bare JID has a resource');
    for (const part of [read.local, read.domain, read.resource])
      must(part === undefined || new TextEncoder().encode(part).length <= 1023, 'a part of more than 1,023 octets');
  },
});

/** Keys of nothing, at once. */
const instant: Crypto = {
  digest: () => of(new Uint8Array(20)),
  hmac: () => of(new Uint8Array(20)),
  pbkdf2: () => of(new Uint8Array(20)),
  randomBytes: (length) => new Uint8Array(length).fill(1),
};

const scramText = (right: string) =>
  fc
    .array(
      fc.tuple(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(
          '',
          ',',
          '=',
          'r=',
          's=',
          'i=',
          'm=',
          'v=',
          'e=',
          'h=',
          '\0',
          '0',
          '1',
          '4096',
          '99999999999',
          'QQ==',
          '%',
          'ü',
          '\ud800',
          ' ',
        ),
        fc.nat({ max: 8 }),
      ),
      { maxLength: 4 },
    )
    .map((edits) =>
      edits.reduce((text, [at, piece, length]) => {
        const place = Math.floor(at * (text.length + 1));
        return text.slice(0, place) + piece + text.slice(place + length);
      }, right),
    );

const scramMessages = subject({
  name: 'SCRAM: a proof for what is right alone',
  given: fc.record({
    first: scramText(`r=${Buffer.alloc(18, 1).toString('base64')}and more,s=QSXCR+Q6sek8bf92,i=4096`),
    final: scramText(`v=${Buffer.alloc(20).toString('base64')}`),
  }),
  share: 3,
  holds: ({ first, final }) => {
    const exchange = scram('SHA-1').start(saslContext({ crypto: instant }));
    const ours = textOf(one<Uint8Array>(exchange.initial()).value)!.replace(/^.*r=/, '');
    const { value, error } = one<Uint8Array>(exchange.respond(Buffer.from(first)));
    if (error !== undefined) {
      must(error instanceof SaslError && error.condition !== '', `${String(error)} for a challenge`);
      return;
    }
    const [, nonce, count] = /^r=([^,]+),s=[^,]+,i=(\d+)/.exec(first) ?? [];
    must(nonce !== undefined && nonce.startsWith(ours) && nonce.length > ours.length, `a proof for ${first}`);
    must(Number(count) >= 4096 && Number(count) <= 1_000_000, `a proof for ${first}`);
    must(textOf(value)!.includes(`r=${nonce},p=`), 'a proof for another nonce');
    const end = one(exchange.finish(Buffer.from(final)));
    const authentic = final.split(',')[0] === `v=${Buffer.alloc(20).toString('base64')}`;
    must(end.error === undefined ? authentic : end.error instanceof SaslError, `${String(end.error)} for ${final}`);
  },
});

const textOf = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

/** What an observable that is at hand emits or errors with. */
function one<T>(source: unknown): { value?: T; error?: unknown } {
  const outcome: { value?: T; error?: unknown } = {};
  (source as { subscribe(observer: object): void }).subscribe({
    next: (value: T) => (outcome.value = value),
    error: (error: unknown) => (outcome.error = error),
  });
  return outcome;
}

const REL = 'urn:xmpp:alt-connections:websocket';
const hrefs = fc.constantFrom(
  'wss://a/',
  'wss://b:1/x',
  'ws://a/',
  'wss://',
  'https://a/',
  '//a',
  'wss://u:p@a/',
  'javascript:x',
  '',
  'wss://a b/',
);
const json = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc.array(hrefs, { maxLength: 4 }).map((all) => JSON.stringify({ links: all.map((href) => ({ rel: REL, href })) })),
  fc.constant('{'),
);
const xrd = fc
  .tuple(
    fc.array(hrefs, { maxLength: 3 }),
    fc.constantFrom('', '<!DOCTYPE x>', '&x;', '<', '\0', "<?xml version='1.0'?>"),
  )
  .map(
    ([all, before]) =>
      `${before}<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>${all.map((href) => `<Link rel='${REL}' href='${href}'/>`).join('')}</XRD>`,
  );

/** As a promise that is kept at once: nothing of it needs a turn of its own. */
const kept = <T>(value: T) =>
  ({ then: (done: (value: T) => unknown) => void done(value) }) as unknown as PromiseLike<T>;

const discovery = subject({
  name: 'host-meta: wss: addresses, or an error',
  given: fc.record({ json, xrd, status: fc.constantFrom(200, 200, 200, 404, 302) }),
  share: 1,
  holds: (files) => {
    const { value, error } = one<readonly { readonly href: string }[]>(
      hostMeta('example.org', (url) => {
        const body = url.endsWith('.json') ? files.json : files.xrd;
        return kept({ ok: files.status === 200, status: files.status, body: of(new TextEncoder().encode(body)) });
      }),
    );
    if (error !== undefined)
      must(error instanceof TransportError && error.condition === 'discovery-failed', String(error));
    else must(value!.length > 0 && value!.every(({ href }) => href.startsWith('wss://')), JSON.stringify(value));
  },
});

const MODULUS = 2n ** 32n;

const arithmetic = subject<{ start: number; steps: { push: number; h: number }[] }>({
  name: 'stream management: counters, against BigInt across 2^32',
  given: fc.record({
    start: fc.oneof(fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 3), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    steps: fc.array(
      fc.record({
        push: fc.nat({ max: 6 }),
        // What the peer says, from its last word on: mostly within what was sent.
        h: fc.oneof(
          { weight: 4, arbitrary: fc.integer({ min: -2, max: 8 }) },
          fc.constantFrom(2 ** 31, -(2 ** 31), 2 ** 32 - 1),
        ),
      }),
      { maxLength: 8 },
    ),
  }),
  share: 2,
  holds: ({ start, steps }) => {
    const queue = new Unacknowledged<bigint>(start);
    let [acknowledged, sent] = [BigInt(start), BigInt(start)];
    let counter = start;
    for (const { push, h } of steps) {
      for (let index = 0; index < push; index++) {
        queue.push(sent++);
        counter = increment(counter);
      }
      must(BigInt(counter) === sent % MODULUS, `counted to ${counter}, not ${sent % MODULUS}`);
      const said = (((acknowledged + BigInt(h)) % MODULUS) + MODULUS) % MODULUS;
      must(parseCount(said.toString()) === Number(said), `${said} is no count`);
      const ahead = (said - (acknowledged % MODULUS) + MODULUS) % MODULUS;
      const taken = queue.acknowledge(Number(said));
      if (ahead > sent - acknowledged) {
        must(taken === undefined, `took ${said} with ${acknowledged} to ${sent} out`);
        return;
      }
      must(taken !== undefined && taken.length === Number(ahead), `${taken?.length} taken, not ${ahead}`);
      for (const [index, item] of taken.entries()) must(item === acknowledged + BigInt(index), 'taken out of order');
      acknowledged += ahead;
      must(queue.size === Number(sent - acknowledged), `${queue.size} left`);
    }
  },
});

export const SUBJECTS: readonly AnySubject[] = [parser, serializer, jids, scramMessages, discovery, arithmetic];
