import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { defects } from './parity/defects.js';
import { importsOf } from './support/source-imports.js';

/** The rows that the first table must have, so that none is lost. */
const ROWS = `
  stateIndex, reconnectTicket, identity checks
  connect while connecting or connected
  13 states and booleans
  multicast delegate
  NSError domains
  SRV and its fallbacks
  connect timeout
  IPv4, IPv6, alternateAddressDelay
  viaInterface, local port, unix socket, connected fd
  oldSchoolSecureConnect
  startTLSPolicy
  willSecureWithSettings, didReceiveTrust
  startNegotiation, restarts
  SASL mechanisms
  custom bind, resource conflict
  skipStartSession
  registerWithElements, change password, cancel
  XMPPElementReceipt
  willSend, willReceive, didFilterStanza
  custom element names
  XMPPIDTracker
  unhandled iq
  keepAliveInterval
  XMPPAutoPing, XMPPPing
  numberOfBytes
  XMPPReconnect
  XMPPStreamManagement
  abortConnecting, disconnect, disconnectAfterSending
  cleanup at disconnect
  read and write timeouts
  P2P
  modules
  see-other-host (absent)
`
  .trim()
  .split(/\n\s*/);
const DEFECTS = [...Array.from({ length: 18 }, (_, index) => `D${index + 1}`), 'G1', 'G2', 'G3', 'G4'];

const folder = __dirname;

/** What the suites and specs of a file are called: the first argument of `describe`, `it` and `cases`. */
function titlesOf(text: string): string[] {
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      let callee: ts.Node = node.expression;
      while (
        ts.isCallExpression(callee) ||
        ts.isPropertyAccessExpression(callee) ||
        ts.isTaggedTemplateExpression(callee)
      )
        callee = ts.isTaggedTemplateExpression(callee) ? callee.tag : callee.expression;
      const [title] = node.arguments;
      if (ts.isIdentifier(callee) && /^(describe|it|cases)$/.test(callee.text) && title) {
        if (ts.isStringLiteralLike(title)) titles.push(title.text);
        else if (ts.isTemplateExpression(title)) titles.push(title.head.text);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('spec.ts', text, ts.ScriptTarget.ES2022));
  return titles;
}

/** The rows of the table under a heading, without its head. */
function table(document: string, heading: string): string[][] {
  const section = document.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** What a cell cites that is not there: a file, or a title in it. */
function missing(cell: string, titles: ReadonlyMap<string, readonly string[]>): string[] {
  const citations = cell.split(/; (?=`)/);
  return citations.filter((citation) => {
    const [, file, title] = /^`([^`]+)`: (.+)$/.exec(citation) ?? [];
    return !file || !title || !titles.get(`${file}.ts`)?.some((known) => known.startsWith(title));
  });
}

describe('spec/parity.md', () => {
  const document = readFileSync(join(folder, 'parity.md'), 'utf8');
  let titles: Map<string, string[]>;
  beforeAll(() => {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('-spec.ts'),
    );
    const own = files.filter((file) => !file.includes('node_modules'));
    const textOf = (file: string) => readFileSync(join(folder, file), 'utf8');
    // Suites whose specs are in other files: those that run at one server.
    const parts = own
      .filter((file) => file.startsWith('integration/'))
      .flatMap((file) => importsOf(file, textOf(file)).map((found) => found.file ?? ''))
      .filter((file) => /^integration\/(talking|trouble)\//.test(file));
    titles = new Map([...own, ...parts].map((file) => [file, titlesOf(textOf(file))]));
  });

  it('has a row for each thing that the others do', () => {
    expect(table(document, 'What they do').map(([name]) => name)).toEqual(ROWS);
  });

  it.each([
    ['What they do', 33],
    ['What their users complain about', 13],
    ['What peers in JavaScript get wrong', 11],
  ])('%s: each row cites specs that are there', (heading, count) => {
    const rows = table(document, heading);
    expect(rows).toHaveLength(count);
    expect(rows.flatMap((cells) => missing(cells.at(-1)!, titles).map((gone) => `${cells[0]}: ${gone}`))).toEqual([]);
  });

  it('names every defect, and each has a spec whose title begins with its number', () => {
    for (const defect of DEFECTS) expect(document).toMatch(new RegExp(`\\b${defect}\\b`));
    const numbered = new Set(
      [...titles.values()].flat().flatMap((title) => /^((?:[DG]\d+(?:, )?)+):/.exec(title)?.[1]?.split(', ') ?? []),
    );
    expect(DEFECTS.filter((defect) => !numbered.has(defect))).toEqual([]);
  });

  it('has a change for every defect, which applies, and a spec that is named after the defect', () => {
    expect([...new Set(defects.map(({ id }) => id))]).toEqual(DEFECTS);
    const problems = defects.flatMap(({ id, effect, file, edits, spec, title }) => {
      const source = readFileSync(join(folder, '..', file), 'utf8');
      const named = title.slice(0, title.indexOf(':')).split(', ').includes(id);
      const there = titles.get(spec.replace('spec/', ''))?.some((known) => known.startsWith(title));
      return [
        ...(edits.every(([find]) => source.split(find).length === 2) ? [] : [`${id}: ${effect}: does not apply`]),
        ...(named && there ? [] : [`${id}: ${title}: is not there`]),
      ];
    });
    expect(problems).toEqual([]);
  });

  it('says of all that cannot apply why', () => {
    const rows = table(document, 'What cannot apply');
    expect(rows.length).toBeGreaterThan(4);
    expect(rows.filter(([, why]) => !why)).toEqual([]);
  });

  it('would be found out if it cited what is not there', () => {
    expect(missing('`client/when-busy-spec`: no such title', titles)).toHaveLength(1);
    expect(missing('`client/no-spec`: whenBusy', titles)).toHaveLength(1);
    expect(missing('', titles)).toHaveLength(1);
    expect(missing('`client/when-busy-spec`: whenBusy', titles)).toEqual([]);
  });
});
