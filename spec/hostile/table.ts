import type { Row } from './campaign.js';

/** Rows of one attack over several links are one line where they say the same. */
export function table(rows: readonly Row[]): string {
  const lines = new Map<
    string,
    { row: string; name: string; via: string[]; runs: number; end: string; leaked: number; note: string }
  >();
  for (const { row, name, via, runs, outcomes, leaked, complaints } of rows) {
    const ends = Object.keys(outcomes).sort();
    const end = ends.length > 3 ? `${ends.slice(0, 3).join(', ')}, ...` : ends.join(', ');
    const note = complaints.length === 0 ? '' : `  <-- ${complaints.join('; ')}`;
    const key = [row, name, end, note].join('\n');
    const line = lines.get(key);
    if (line) {
      line.via.push(via);
      line.runs += runs;
      line.leaked += leaked;
    } else lines.set(key, { row, name, via: [via], runs, end, leaked, note });
  }
  const cells = [...lines.values()].map(({ row, name, via, runs, end, leaked, note }) => [
    row,
    name,
    shortened(via),
    String(runs),
    end,
    String(leaked) + note,
  ]);
  return aligned([['row', 'attack', 'over', 'runs', 'ended in: layer condition (phase)', 'leaked'], ...cells]);
}

const shortened = (via: readonly string[]): string =>
  [...new Set(via.map((one) => (one.startsWith('scripted ') ? `(${one.slice(9)})` : one)))].join(' ');

export function aligned(cells: readonly (readonly string[])[]): string {
  const widths = cells[0]!.map((_, column) => Math.min(64, Math.max(...cells.map((line) => line[column]!.length))));
  return cells
    .map((line) => line.map((cell, column) => cell.padEnd(column === line.length - 1 ? 0 : widths[column]!)).join('  '))
    .join('\n');
}

/** What must be true of all of it. */
export function summary(rows: readonly Row[]): { readonly text: string; readonly good: boolean } {
  const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0);
  const runs = sum((row) => row.runs);
  const bad = rows.filter(({ complaints }) => complaints.length > 0);
  const hangs = sum(({ outcomes }) =>
    Object.entries(outcomes).reduce((total, [outcome, count]) => total + (outcome.startsWith('a hang') ? count : 0), 0),
  );
  const leaked = sum((row) => row.leaked);
  const attacks = new Set(rows.map(({ row, name }) => `${row} ${name}`)).size;
  const links = [...new Set(rows.map(({ via }) => via))].join(', ');
  const text = [
    `${attacks} attacks of ${new Set(rows.map(({ row }) => row)).size} rows, ${runs} runs, over ${links}`,
    `${rows.length - bad.length} of ${rows.length} (attack, link) as they must be; ${leaked} octets of credentials leaked; ${hangs} hangs; ${sum((row) => Math.abs(row.unhandled))} errors that nobody caught`,
  ].join('\n');
  return { text, good: bad.length === 0 && leaked === 0 && hangs === 0 };
}
