import type { Phase } from '../../lib/errors/index.js';
import { reply, type Reply, type Script } from '../../lib/testing.js';
import { FOOTER, hearsStreamError, lifetime, message, serverHeader, upTo } from '../support/wire.js';
import { replay, watchUnhandled, WireRun } from '../support/wire-run.js';

/** Where the server sends it: in clear, over TLS, and to a session. */
const MOMENTS: [string, () => Script, Phase][] = [
  ['before TLS', () => upTo('features'), 'features'],
  ['before the challenge', () => upTo('challenge'), 'sasl'],
  ['online', () => lifetime(), 'online'],
];

const bytes = (...octets: number[]) => Uint8Array.from(octets);
const within = (octets: Uint8Array) =>
  Buffer.concat([Buffer.from('<message><body>'), octets, Buffer.from('</body></message>')]);

const FAULTS: [string, Reply, string][] = [
  // X1 (RFC 6120 section 11.1)
  ['a DTD', '<!DOCTYPE x [<!ENTITY a "b">]>', 'restricted-xml'],
  ['a processing instruction', '<?php?>', 'restricted-xml'],
  ['an XML declaration in the midst', `<?xml version='1.0'?>`, 'restricted-xml'],
  ['a comment', '<!-- hi -->', 'restricted-xml'],
  ['a comment within a stanza', '<message><!-- hi --></message>', 'restricted-xml'],
  ['an entity', '<message><body>&lol;</body></message>', 'restricted-xml'],
  ['an entity in an attribute', `<message id='&lol;'/>`, 'restricted-xml'],
  // X2
  ['a stanza beyond the limit', `<message><body>${'x'.repeat(2_000)}`, 'policy-violation'],
  ['an attribute beyond the limit', `<message id='${'x'.repeat(2_000)}`, 'policy-violation'],
  ['a name beyond the limit', `<${'x'.repeat(2_000)}`, 'policy-violation'],
  ['too deep', '<a>'.repeat(10), 'policy-violation'],
  ['too many attributes', `<a ${Array.from({ length: 10 }, (_, n) => `a${n}=''`).join(' ')}/>`, 'policy-violation'],
  ['too many elements', `<a>${'<b/>'.repeat(50)}`, 'policy-violation'],
  // X3
  ['an overlong NUL', within(bytes(0xc0, 0x80)), 'unsupported-encoding'],
  ['a surrogate', within(bytes(0xed, 0xa0, 0x80)), 'unsupported-encoding'],
  ['beyond Unicode', within(bytes(0xf4, 0x90, 0x80, 0x80)), 'unsupported-encoding'],
  ['an octet that is none', within(bytes(0xff)), 'unsupported-encoding'],
  ['half a character', within(bytes(0xc3)), 'unsupported-encoding'],
  ['a control character', '<message><body>\u0001</body></message>', 'not-well-formed'],
  ['a reference to one', '<message><body>&#1;</body></message>', 'not-well-formed'],
  // X4
  ['a second header', serverHeader().replace(/^<[?].*?[?]>/, ''), 'bad-format'],
  ['a stanza of the stream namespace', '<stream:message/>', 'bad-format'],
  ['a footer that closes something else', '</stream>', 'not-well-formed'],
  ['a stanza across the footer', '<message></stream:stream>', 'not-well-formed'],
  ['an unbound prefix', '<x:message/>', 'bad-namespace-prefix'],
  ['text between stanzas', 'hello', 'bad-format'],
  ['a CDATA section between stanzas', '<![CDATA[x]]>', 'bad-format'],
];

const limits = { stanzaBytes: 1_500, depth: 6, elements: 20, attributes: 6, nameLength: 64 };

describe('what is no XMPP ends the stream, once (X1-X4, I6)', () => {
  watchUnhandled();

  describe.each(MOMENTS)('%s', (_moment, script, phase) => {
    it.each(FAULTS)('%s', (_name, fault, condition) => {
      const stanzas: string[] = [];
      replay(
        () => [script(), reply(fault, message('too late')), hearsStreamError(condition)],
        {
          options: { limits },
          use: (session) => {
            stanzas.length = 0;
            session.stanza$.subscribe((stanza) => stanzas.push(String(stanza)));
          },
        },
        (run) => {
          expect(run.outcome).toBe(`stream ${condition} (${phase}) local`);
          expect(run.sent).toMatch(
            new RegExp(`><stream:error><${condition} [^>]*/><text [^<]*</text></stream:error>${FOOTER}$`),
          );
          expect(stanzas).toEqual([]);
        },
        { stride: 499 },
      );
    });
  });

  it('what came before the fault was heard, however it was cut', () => {
    const bodies: (string | undefined)[] = [];
    replay(
      () => [lifetime(), reply(message('ä'), message('&#x1F600;'), ' \n', '<!-- -->', message('no'))],
      {
        use: (session) => {
          bodies.length = 0;
          session.message$.subscribe((stanza) => bodies.push(stanza.child('body')?.text()));
        },
      },
      (run) => {
        expect(run.outcome).toBe('stream restricted-xml (online) local');
        expect(bodies).toEqual(['ä', '\u{1f600}']);
      },
      { stride: 61 },
    );
  });

  it('limits hold for each element by itself: a flood of small ones passes', () => {
    let count = 0;
    const flood = message('x').repeat(500);
    const run = new WireRun([lifetime(), reply(flood)], {
      options: { limits },
      use: (session) => session.message$.subscribe(() => count++),
    }).flush(0);
    expect([run.outcome, count]).toEqual(['online', 500]);
    run.unsubscribe().check();
  });

  it('limits hold for the header too', () => {
    const run = new WireRun([upTo('header'), reply(serverHeader({ id: 'x'.repeat(2_000) }))], { options: { limits } });
    run.flush(0).check();
    expect(run.outcome).toBe('stream policy-violation (open) local');
  });

  it('prefixes are names for namespaces and nothing else', () => {
    const heard: string[] = [];
    const run = new WireRun(
      [
        lifetime(),
        reply(
          `<c:message xmlns:c='jabber:client'><c:body>one</c:body></c:message>`,
          `<message xmlns='urn:example'><body>a nonza</body></message>`,
          `<message><x:body xmlns:x='urn:example'>no body</x:body></message>`,
        ),
      ],
      {
        use: ({ message$, nonza$ }) => {
          message$.subscribe((stanza) => heard.push(`message ${stanza.child('body', 'jabber:client')?.text()}`));
          nonza$.subscribe((element) => heard.push(`nonza {${element.xmlns}}${element.name}`));
        },
      },
    ).flush(0);
    expect(heard).toEqual(['message one', 'nonza {urn:example}message', 'message undefined']);
    run.unsubscribe().check();
  });
});

describe('whatever a server says', () => {
  const { take } = watchUnhandled();

  it('an attempt ends in time, with one typed error, and holds nothing', () => {
    // Mutations of the bytes of a whole attempt: replaced, left out, doubled, cut off.
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    const mutate = (text: string): Buffer => {
      const all = [...Buffer.from(text)];
      const at = random(all.length);
      switch (random(5)) {
        case 0:
          all[at] = random(256);
          break;
        case 1:
          all.splice(at, 1 + random(8));
          break;
        case 2:
          all.splice(at, 0, ...all.slice(random(all.length), at + random(16)));
          break;
        case 3:
          all.length = at;
          break;
        default:
          all.splice(at, 0, ...Buffer.from(['<', '>', '&', "'", '/>', '</', '<stream:', '\0'][random(8)]!));
      }
      return Buffer.from(all);
    };
    const outcomes = new Map<string, number>();
    for (let round = 0; round < 600; round++) {
      const victim = random(11);
      let replies = 0;
      const mutated = (script: Script): Script =>
        script.map((entry) => {
          if (!('step' in entry)) return mutated(entry);
          if (entry.step !== 'reply' || replies++ !== victim) return entry;
          const part = entry.replies[0]!;
          return reply(
            typeof part === 'function' ? (captures) => mutate(String(part(captures))) : mutate(String(part)),
          );
        });
      const run = new WireRun(mutated(lifetime()), { options: { limits } }).flush();
      const outcome = run.outcome;
      // A script that is not kept to is the spec's own way to end a connection.
      if (!outcome.startsWith('unexpected: ScriptError')) {
        if (outcome === 'online') run.unsubscribe();
        expect(outcome).not.toBe('pending');
        run.check({ secrets: round % 10 === 0 });
      }
      outcomes.set(outcome.split(':')[0]!, (outcomes.get(outcome.split(':')[0]!) ?? 0) + 1);
    }
    expect(outcomes.size).toBeGreaterThan(15);
    expect(take()).toEqual([]);
  });
});
