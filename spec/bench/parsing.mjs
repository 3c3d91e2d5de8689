// Parsing alone, in a worker: octets in chunks in, trees out.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cpu, median, since } from './usage.mjs';
import { stanzas } from './stanzas.mjs';

const HEADER = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`;
const CORPORA = { chat: 12_000, archive: 4_000, presence: 12_000, roster: 40 };
const UNLIMITED = { stanzaBytes: 1e9 };

/** Makers of a parser that takes octets and tells of each element at the top level. */
const parsers = {
  async rxmpp() {
    const { StreamParser } = await import(pathToFileURL(join(process.env.BENCH_RXMPP, 'xml/stream-parser.js')));
    return (onElement, limits) =>
      new StreamParser(
        { framing: 'stream', limits },
        {
          open() {},
          close() {},
          element: onElement,
          error(error) {
            throw error;
          },
        },
      );
  },
  async 'xmpp-js'() {
    const { Parser } = await import('@xmpp/xml');
    return (onElement) => {
      const parser = new Parser();
      parser.on('element', onElement);
      parser.on('error', (error) => {
        throw error;
      });
      // As @xmpp/connection does.
      return {
        write: (chunk) => parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('utf8')),
      };
    };
  },
};

const cut = (octets, size) =>
  Array.from({ length: Math.ceil(octets.length / size) }, (_, i) => octets.subarray(i * size, (i + 1) * size));

/** Each chunk is memory of its own, as what a socket reads is. */
const copies = (chunks) => chunks.map((chunk) => new Uint8Array(chunk));

export async function parse(client, { runs }) {
  const make = await parsers[client]();
  const speeds = {};
  for (const [name, count] of Object.entries(CORPORA)) {
    const octets = Buffer.from(HEADER + stanzas(name, count).join(''));
    const chunks = copies(cut(octets, 65536));
    const measured = [];
    for (let i = 0; i < runs + 2; i++) {
      let seen = 0;
      const parser = make(() => seen++);
      const before = cpu();
      for (const chunk of chunks) parser.write(chunk);
      const { all } = since(before);
      if (seen !== count) throw new Error(`${seen} elements of ${count}`);
      if (i >= 2) measured.push(octets.length / 1000 / all);
    }
    speeds[name] = median(measured);
  }
  const list = Object.values(speeds);
  return { value: list.reduce((product, speed) => product * speed, 1) ** (1 / list.length), ...speeds };
}

/** How many times longer four times as much takes, in one shape: 4 is linear, 16 quadratic. */
export async function linear(client, { shape, runs }) {
  const make = await parsers[client]();
  const shapes = { text: { size: 1_000_000, chunk: 1_400 }, octets: { size: 250_000, chunk: 1 } };
  const { size, chunk } = shapes[shape];
  const time = (length) => {
    // Over one octet a chunk, stanzas of a usual size: a client that is served octet by octet.
    const text =
      shape === 'text'
        ? `${HEADER}<message><body>${'He jests at scars. '.repeat(length / 19)}</body></message>`
        : HEADER + stanzas('chat', Math.ceil(length / 350)).join('');
    const chunks = cut(Buffer.from(text), chunk).map((part) => new Uint8Array(part));
    let best = Infinity;
    for (let i = 0; i < runs; i++) {
      let seen = 0;
      const parser = make(() => seen++, UNLIMITED);
      const before = cpu();
      for (const part of chunks) parser.write(part);
      best = Math.min(best, since(before).all);
      if (seen === 0) throw new Error('nothing was parsed');
    }
    return best;
  };
  time(size / 4);
  const small = time(size);
  const large = time(4 * size);
  return { value: large / small, milliseconds: large };
}
