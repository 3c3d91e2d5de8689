import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { StreamParser } from '../../lib/xml/stream-parser.js';
import type { XmlElement } from '../../lib/xml/xml-element.js';
import { draft, FOOTER, octetsOf, type Draft } from './documents.js';

/** Python's expat, which shares nothing with ours but the specification: a document a line in base64, its tree a line as JSON. */
const EXPAT = `
import sys, base64, json
from xml.parsers import expat
def tree(data):
    p = expat.ParserCreate(namespace_separator='\\x1f')
    root = []; stack = [root]
    def name(n):
        ns, _, local = n.rpartition('\\x1f')
        return [ns, local]
    def start(n, attrs):
        e = name(n) + [sorted(name(k) + [v] for k, v in attrs.items()), []]
        stack[-1].append(e); stack.append(e[3])
    def text(t):
        if stack[-1] and isinstance(stack[-1][-1], str): stack[-1][-1] += t
        else: stack[-1].append(t)
    p.StartElementHandler = start
    p.EndElementHandler = lambda n: stack.pop()
    p.CharacterDataHandler = text
    p.Parse(data, True)
    return root
for line in sys.stdin:
    try: print(json.dumps(tree(base64.b64decode(line))))
    except expat.ExpatError as e: print(json.dumps('error: ' + str(e)))
    sys.stdout.flush()
`;

type Tree =
  | string
  | readonly [
      ns: string,
      local: string,
      attrs: readonly (readonly [string, string, string])[],
      children: readonly Tree[],
    ];

export class Expat {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  private constructor(process: ChildProcessWithoutNullStreams) {
    this.#process = process;
    this.#lines = createInterface(process.stdout)[Symbol.asyncIterator]();
  }

  /** `undefined` where there is no Python, or none with expat. */
  static async start(): Promise<Expat | undefined> {
    const child = spawn('python3', ['-c', EXPAT], { stdio: 'pipe' });
    child.on('error', () => undefined);
    child.stdin.on('error', () => undefined);
    const expat = new Expat(child);
    child.stdin.write(`${Buffer.from('<a/>').toString('base64')}\n`);
    const first = await Promise.race([
      expat.#lines.next(),
      once(child, 'error').then(
        () => undefined,
        () => undefined,
      ),
    ]);
    return first && !first.done ? expat : undefined;
  }

  async trees(documents: readonly Uint8Array[]): Promise<unknown[]> {
    const trees: unknown[] = [];
    for (const document of documents) this.#process.stdin.write(`${Buffer.from(document).toString('base64')}\n`);
    while (trees.length < documents.length) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error('expat is gone');
      trees.push(JSON.parse(value));
    }
    return trees;
  }

  stop(): void {
    this.#process.kill();
  }
}

/** Our tree of a stream that is whole and without fault, as expat would give it; `undefined` for all others. */
export function ourTree(bytes: Uint8Array): readonly Tree[] | undefined {
  let faulty = false;
  let closed = false;
  const elements: XmlElement[] = [];
  const parser = new StreamParser(
    { framing: 'stream' },
    {
      open: () => undefined,
      element: (one) => elements.push(one),
      close: () => (closed = true),
      error: () => (faulty = true),
    },
  );
  parser.write(bytes);
  return faulty || !closed ? undefined : elements.map(treeOf);
}

const XML_NS = 'http://www.w3.org/XML/1998/namespace';

function treeOf({ name, xmlns, attrs, children }: XmlElement): Tree {
  const all = Object.entries(attrs as Readonly<Record<string, string>>)
    .filter(([key]) => key !== 'xmlns')
    .map(([key, value]): [string, string, string] => {
      const [, ns, local] = /^\{(.*)\}([^}]*)$/s.exec(key) ?? [];
      if (local !== undefined) return [ns!, local, value];
      return key.startsWith('xml:') ? [XML_NS, key.slice(4), value] : ['', key, value];
    });
  return [xmlns, name, all.sort(compare), children.map((child) => (typeof child === 'string' ? child : treeOf(child)))];
}

// By code point, as Python sorts.
function compare(one: readonly string[], other: readonly string[]): number {
  for (const [index, part] of one.entries()) {
    const order = Buffer.compare(Buffer.from(part), Buffer.from(other[index]!));
    if (order !== 0) return order;
  }
  return 0;
}

/** What expat gives for the same stream: what is at its top level, without the white space between. */
export function theirTree(tree: unknown): readonly Tree[] | string {
  if (typeof tree === 'string') return tree;
  const [root] = tree as [Tree];
  return (root[3] as readonly Tree[]).filter((child) => typeof child !== 'string' || child.trim() !== '');
}

/** Whether there is a name that expat may not know: its names are those of XML 1.0 before the fifth edition, which were fewer. */
export function hasNewerNames(bytes: Uint8Array): boolean {
  // A value may hold what looks like the end of a tag.
  const tags =
    Buffer.from(bytes)
      .toString()
      .match(/<(?:[^<>'"]|'[^']*'|"[^"]*")*>/g) ?? [];
  return tags.some((tag) => /[^\x00-\x7f]/.test(tag.replace(/'[^']*'|"[^"]*"/g, '')));
}

/**
 * What we accept, expat accepts too, and reads as the same tree. Tells how many documents were compared, and how they differ.
 */
export async function compareWithExpat(
  expat: Expat,
  runs: number,
  seed: number,
): Promise<{ compared: number; skipped: number; differences: string[] }> {
  const drafts = fc.sample(draft, { numRuns: runs, seed }).map((one): Draft => ({ ...one, closed: true }));
  const accepted: { bytes: Uint8Array; ours: readonly Tree[] }[] = [];
  let skipped = 0;
  for (const bytes of drafts.map(octetsOf)) {
    const ours = ourTree(bytes);
    // What follows the footer is nothing to a stream, and no document to expat.
    const end = Buffer.from(bytes).indexOf(FOOTER) + FOOTER.length;
    if (!ours) continue;
    if (hasNewerNames(bytes)) skipped++;
    else accepted.push({ bytes: bytes.subarray(0, end), ours });
  }
  const differences: string[] = [];
  for (let at = 0; at < accepted.length; at += 500) {
    const batch = accepted.slice(at, at + 500);
    const trees = await expat.trees(batch.map(({ bytes }) => bytes));
    batch.forEach(({ bytes, ours }, index) => {
      const theirs = theirTree(trees[index]);
      if (JSON.stringify(theirs) !== JSON.stringify(ours))
        differences.push(
          `${Buffer.from(bytes).toString()}\n  ours   ${JSON.stringify(ours)}\n  expat  ${JSON.stringify(theirs)}`,
        );
    });
  }
  return { compared: accepted.length, skipped, differences };
}
