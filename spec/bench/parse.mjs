// What parsing costs, and that the cost stays linear:  node spec/bench/parse.mjs [throughput | limits | scaling | memory | endurance]
//
// `limits` doubles what a peer may send by default; `scaling` goes a thousand times further, and is to be run with a young generation
// that holds the largest case (node --min-semi-space-size=128 --max-semi-space-size=128): otherwise what is measured is at which sizes V8 begins to move
// objects to its old generation, a step that comes once and is no property of the parser.
//
// Figures drift with the machine, so throughput is told beside that of bare saxes (with a tree, without namespaces and
// limits) in the same run: each round measures all, and the median of the rounds' ratios counts.
import { build } from 'esbuild';
import { createRequire } from 'node:module';
import { memoryUsage } from 'node:process';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import vm from 'node:vm';

const { outputFiles } = await build({
  stdin: {
    contents: `export { StreamParser } from './lib/xml/stream-parser.ts'; export { SaxesParser } from 'saxes';`,
    resolveDir: fileURLToPath(new URL('../..', import.meta.url)),
    loader: 'ts',
  },
  bundle: true,
  write: false,
  format: 'cjs',
  platform: 'node',
  target: 'es2022',
});
const module = { exports: {} };
vm.runInThisContext(`(function (module, exports, require) {${outputFiles[0].text}\n})`)(
  module,
  module.exports,
  createRequire(import.meta.url),
);
const { StreamParser, SaxesParser } = module.exports;

const HEADER = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`;
const OPEN = `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>`;
const SPEECH = 'He jests at scars that never felt a wound. ';
const range = (n, make) => Array.from({ length: n }, (_, i) => make(i));
const corpora = {
  chat: range(6000, (i) => `<message to='romeo@montague.example/orchard' from='juliet@capulet.example/balcony' type='chat' id='m${i}' xml:lang='en'><body>Deny thy father &amp; refuse thy name; or if thou wilt not, be but sworn my love, and I'll no longer be a Capulet. ${i}</body><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/></message>`),
  archive: range(2000, (i) => `<message id='a${i}' to='juliet@capulet.lit/chamber'><result xmlns='urn:xmpp:mam:2' queryid='f27' id='28482-98726-${i}'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2010-07-10T23:08:25Z'/><message xmlns='jabber:client' to='juliet@capulet.lit/balcony' from='romeo@montague.lit/orchard' type='chat' id='x${i}'><body>${SPEECH.repeat(8)}</body><stanza-id xmlns='urn:xmpp:sid:0' by='juliet@capulet.lit' id='s${i}'/><thread parent='e0ffe42b2856'>0e3141cd80894871a68e6fe6b1ec56fa</thread></message></forwarded></result></message>`),
  presence: range(6000, (i) => `<presence from='user${i}@example.org/phone' to='me@example.org/x'><show>away</show><priority>5</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://gajim.org' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/><x xmlns='vcard-temp:x:update'><photo>01b87fcd030b72895ff8e88db57ec525450f000d</photo></x></presence>`),
  roster: range(20, (i) => `<iq type='result' id='r${i}' to='me@example.org/x'><query xmlns='jabber:iq:roster'>${range(900, (k) => `<item jid='contact${k}@example.org' name='Contact Number ${k}' subscription='both'><group>Friends</group></item>`).join('')}</query></iq>`),
  cyrillic: range(3000, (i) => `<message to='a@b' id='${i}'><body>${'Он насмехается над шрамами, кто ран не знал. '.repeat(5)}</body></message>`),
}; // prettier-ignore

const encoder = new TextEncoder();
const cpu = (work) => {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
const cut = (bytes, size) => range(Math.ceil(bytes.length / size), (i) => bytes.slice(i * size, (i + 1) * size));

function parser(framing, onElement, limits) {
  return new StreamParser(
    { framing, limits },
    {
      open() {},
      close() {},
      element: onElement,
      error(error) {
        throw error;
      },
    },
  );
}

function bareSaxes(onElement) {
  const saxes = new SaxesParser({ xmlns: false, position: false });
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const open = [];
  saxes.on('opentag', ({ name, attributes }) => open.push({ name, attributes, children: [] }));
  saxes.on('text', (text) => open.at(-1).children.push(text));
  saxes.on('closetag', () => {
    const element = open.pop();
    if (open.length === 1) onElement(element);
    else open.at(-1).children.push(element);
  });
  return { write: (chunk) => saxes.write(decoder.decode(chunk, { stream: true })) };
}

/**
 * How many times longer twice the size takes. Over three doublings, as garbage collections make single ones jump; and each
 * round compares one of 8n with eight of n, which take as long if the cost is linear, so that a machine whose speed drifts counts for
 * both alike. The median of the rounds.
 */
function perDoubling(time, n) {
  time(8 * n);
  const ratios = range(9, () => {
    let small = 0;
    for (let i = 0; i < 4; i++) small += time(n);
    const large = time(8 * n);
    for (let i = 0; i < 4; i++) small += time(n);
    return large / small;
  });
  return 2 * Math.cbrt(median(ratios));
}

const complaints = [];
const mustBe = (holds, what) => holds || complaints.push(what);

const only = process.argv[2];
if (!only || only === 'throughput') {
  console.log('throughput, MB/s (times bare saxes)');
  for (const [name, stanzas] of Object.entries(corpora)) {
    const whole = Buffer.from(HEADER + stanzas.join(''));
    const large = cut(new Uint8Array(whole), 65536);
    const framed = stanzas.map((text) => text.replace(/^<(\w+)/, "<$1 xmlns='jabber:client'"));
    const modes = {
      'bare saxes': [large, bareSaxes],
      '64 KB chunks': [large, (each) => parser('stream', each)],
      'a chunk each': [
        [HEADER, ...stanzas].map((text) => Uint8Array.from(Buffer.from(text))),
        (each) => parser('stream', each),
      ],
      frames: [[OPEN, ...framed].map((text) => Buffer.from(text).toString()), (each) => parser('frames', each)],
    };
    const rounds = {};
    for (let round = 0; round < 15; round++) {
      for (const [mode, [chunks, make]] of Object.entries(modes)) {
        let count = 0;
        const target = make(() => count++);
        const ms = cpu(() => chunks.forEach((chunk) => target.write(chunk)));
        if (count !== stanzas.length) throw new Error(`${name}, ${mode}: ${count} elements`);
        (rounds[mode] ??= []).push(whole.length / 1000 / ms);
      }
    }
    const bare = [...rounds['bare saxes']];
    const columns = Object.entries(rounds).map(([mode, list]) => {
      const ratio = median(list.map((speed, i) => speed / bare[i]));
      return `${mode} ${median(list).toFixed(0)}${mode === 'bare saxes' ? '' : ` (${ratio.toFixed(2)}x)`}`;
    });
    console.log(`  ${name.padEnd(9)} ${columns.join('   ')}`);
  }
}
if (!only || only === 'limits') {
  console.log('\ntwice the size takes, within the default limits');
  const within = {
    depth: [8, (n) => '<a>'.repeat(n) + '</a>'.repeat(n)],
    'depth with namespaces': [8, (n) => "<p:a xmlns:p='u' xmlns='v'>".repeat(n) + '</p:a>'.repeat(n)],
    attributes: [8, (n) => `<a${range(n, (i) => ` a${i}=''`).join('')}/>`],
    namespaces: [4, (n) => `<a${range(n, (i) => ` xmlns:p${i}='u${i}' p${i}:a=''`).join('')}/>`],
    elements: [900, (n) => `<a>${'<b/>x'.repeat(n)}</a>`],
    text: [110_000, (n) => `<a>${'x'.repeat(n)}</a>`],
    references: [30_000, (n) => `<a>${'&lt;'.repeat(n)}</a>`],
    name: [30, (n) => `<${'x'.repeat(n)}/>`],
  };
  for (const [name, [least, shape]] of Object.entries(within)) {
    const columns = [];
    for (const size of [65536, 1]) {
      // A doubling is of one stanza; as many are read as make the least time that can be told from noise.
      const times = Math.ceil((size === 1 ? 200_000 : 4_000_000) / shape(8 * least).length);
      const time = (n) => {
        const chunks = cut(encoder.encode(HEADER + shape(n).repeat(times)), size);
        return cpu(() => {
          let count = 0;
          const target = parser('stream', () => count++);
          for (const chunk of chunks) target.write(chunk);
          if (count !== times) throw new Error(name);
        });
      };
      const ratio = perDoubling(time, least);
      columns.push(`${size === 1 ? 'octets' : '64 KB chunks'} ${ratio.toFixed(2)}x`);
      mustBe(ratio <= 2.3, `twice the ${name} within the limits takes ${ratio.toFixed(2)} times`);
    }
    console.log(`  ${name.padEnd(22)} ${columns.join('   ')}`);
  }
}
if (!only || only === 'scaling') {
  console.log('\ntwice the size takes without limits (2x is linear, 4x quadratic)');
  const shapes = {
    depth: (n) => '<a>'.repeat(n) + '</a>'.repeat(n),
    'depth with namespaces': (n) => "<p:a xmlns:p='u' xmlns='v'>".repeat(n) + '</p:a>'.repeat(n),
    attributes: (n) => `<a${range(n, (i) => ` a${i}=''`).join('')}/>`,
    namespaces: (n) => `<a${range(n, (i) => ` xmlns:p${i}='u${i}' p${i}:a=''`).join('')}/>`,
    text: (n) => `<a>${'x'.repeat(n * 20)}</a>`,
    references: (n) => `<a>${'&lt;'.repeat(n * 3)}</a>`,
    'CDATA sections': (n) => `<a>${'<![CDATA[x]]>'.repeat(n)}</a>`,
    children: (n) => `<a>${'<b/>x'.repeat(n)}</a>`,
    value: (n) => `<a b='${'x&lt;'.repeat(n * 3)}'/>`,
    name: (n) => `<${'x'.repeat(n * 10)}/>`,
    stanzas: (n) => "<a b='c'/>\n".repeat(n),
    brackets: (n) => `<a>${']'.repeat(n * 10)}</a>`,
  };
  const unlimited = {
    stanzaBytes: 1e9,
    depth: 1e9,
    elements: 1e9,
    attributes: 1e9,
    allAttributes: 1e9,
    nameLength: 1e9,
  };
  for (const [name, shape] of Object.entries(shapes)) {
    const columns = [];
    for (const size of [65536, 1]) {
      const time = (n) => {
        const chunks = cut(encoder.encode(HEADER + shape(n)), size);
        return cpu(() => {
          let count = 0;
          const target = parser('stream', () => count++, unlimited);
          for (const chunk of chunks) target.write(chunk);
          if (count === 0) throw new Error(name);
        });
      };
      const ratio = perDoubling(time, size === 1 ? 2_000 : 10_000);
      columns.push(`${size === 1 ? 'octets' : '64 KB chunks'} ${ratio.toFixed(2)}x`);
      mustBe(ratio <= 2.3, `twice the ${name} takes ${ratio.toFixed(2)} times`);
    }
    console.log(`  ${name.padEnd(22)} ${columns.join('   ')}`);
  }
}
if (!only || only === 'memory') {
  console.log('\nmemory, KB');
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc');
  const heap = () => {
    gc();
    gc();
    const { heapUsed, external } = memoryUsage();
    return (heapUsed + external) / 1024;
  };
  {
    const before = heap();
    const kept = range(500, () => {
      const target = parser('stream', () => {});
      target.write(encoder.encode(HEADER));
      return target;
    });
    console.log(`  an idle parser: ${((heap() - before) / kept.length).toFixed(1)}`);
  }
  {
    const stanza = corpora.chat[0];
    const chunk = encoder.encode(stanza.repeat(180));
    const before = heap();
    const kept = [];
    let count = 0;
    const target = parser('stream', (element) => ++count % 180 === 0 && kept.push(element.children[0].children[0]));
    target.write(encoder.encode(HEADER));
    for (let i = 0; i < 500; i++) target.write(chunk.slice());
    console.log(`  keeping one body of each 64 KB chunk: ${((heap() - before) / kept.length).toFixed(1)} each`);
  }
  const limit = 1_048_576;
  const serial = (n) => `q${n.toString(36)}=''`;
  const hostile = {
  text: () => 'x'.repeat(4096),
  'text, octet by octet': () => 'x'.repeat(4096),
  'wide text': () => '€'.repeat(1000),
  'line ends': () => '\r'.repeat(4096),
  'brackets in CDATA': () => ']'.repeat(4096),
  references: () => '&lt;'.repeat(1000),
  'empty elements': () => '<a/>'.repeat(1000),
  'small elements': () => '<a>x</a>'.repeat(500),
  'mixed content': () => '<a/>x'.repeat(800),
  'one attribute each': () => `<a b=''/>`.repeat(400),
  'ten attributes each': () => `<a${range(10, (i) => ` ${String.fromCharCode(97 + i)}=''`).join('')}/>`.repeat(60),
  'sixty attributes each': () => `<b${range(60, (i) => ` a${i}=''`).join('')}/>`.repeat(10),
  'ten new attributes each': (n) => range(40, (k) => `<a ${range(10, (i) => serial(n * 400 + k * 10 + i)).join(' ')}/>`).join(''),
  'sixty new attributes each': (n) => range(7, (k) => `<a ${range(60, (i) => serial(n * 420 + k * 60 + i)).join(' ')}/>`).join(''),
  'new names': (n) => range(400, (k) => `<q${(n * 400 + k).toString(36)}/>`).join(''),
  'new namespaces': (n) => range(200, (k) => `<a xmlns='${(n * 200 + k).toString(36)}'/>`).join(''),
  depth: () => `${'<a>'.repeat(62)}${'</a>'.repeat(62)}`.repeat(9),
  'an endless name': () => 'x'.repeat(4096),
  'an endless attribute': () => 'x'.repeat(4096),
  'endless attributes': (n) => range(64, (i) => ` ${serial(n * 64 + i)}`).join(''),
  'endless nesting': () => '<a>'.repeat(400),
}; // prettier-ignore
  for (const [name, more] of Object.entries(hostile)) {
    let condition;
    let target = new StreamParser(
      { framing: 'stream' },
      { open() {}, close() {}, element() {}, error: (error) => (condition = error.condition) },
    );
    const begins = { 'an endless name': '<', 'an endless attribute': "<a b='", 'endless attributes': '<a' };
    target.write(encoder.encode(`${HEADER}<x>${name.includes('CDATA') ? '<![CDATA[' : (begins[name] ?? '')}`));
    const before = heap();
    let peak = 0;
    let sent = 0;
    for (let n = 0; !condition; n++) {
      const chunk = encoder.encode(more(n));
      for (const part of name.includes('octet') ? cut(chunk, 1) : [chunk]) target.write(part);
      sent += chunk.length;
      if (n % 16 === 15 && !condition) peak = Math.max(peak, heap() - before);
    }
    console.log(
      `  a hostile stanza of ${name}: ${((peak * 1024) / limit).toFixed(1)} times the limit, after ${sent} octets: ${condition}`,
    );
    mustBe(condition === 'policy-violation', `${name} ends in ${condition}`);
    mustBe(peak * 1024 <= 4 * limit, `${name} takes ${((peak * 1024) / limit).toFixed(1)} times the limit`);
    mustBe(sent <= limit + 65_536, `${name} is read for ${sent} octets`);
    target = undefined;
  }
}
if (!only || only === 'endurance') {
  // Good stanzas leave nothing behind.
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc');
  const heap = () => {
    gc();
    gc();
    return memoryUsage().heapUsed / 1024;
  };
  const chunk = encoder.encode(
    range(200, (i) => `<message id='${i}' from='a@b/c'><body>hello ${i}</body></message>`).join(''),
  );
  let count = 0;
  const target = parser('stream', () => count++);
  target.write(encoder.encode(HEADER));
  const until = (n) => {
    while (count < n) target.write(chunk);
    return heap();
  };
  const early = until(1_000_000);
  const late = until(10_000_000);
  console.log(`\nheap after 1 M stanzas ${early.toFixed(0)} KB, after 10 M ${late.toFixed(0)} KB`);
  mustBe(late - early < 256, `10 M good stanzas leave ${(late - early).toFixed(0)} KB`);
}
for (const complaint of complaints) console.error(`too much: ${complaint}`);
process.exitCode = complaints.length === 0 ? 0 : 1;
