// Reads a CPU profile: where the time of the main thread went, by function, without what they call.
import { readFileSync } from 'node:fs';

export function hottest(file, count = 30) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'));
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const spent = new Map();
  let total = 0;
  samples.forEach((id, i) => {
    const { functionName, url, lineNumber } = byId.get(id);
    if (functionName === '(idle)') return;
    const place = url.replace(/^.*\/(?:node_modules|esm)\//, '').replace(/^file:\/\/.*\//, '');
    const key = `${functionName || '(anonymous)'}  ${place}${place ? `:${lineNumber + 1}` : ''}`;
    spent.set(key, (spent.get(key) ?? 0) + timeDeltas[i]);
    total += timeDeltas[i];
  });
  return [...spent]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([what, time]) => `  ${((100 * time) / total).toFixed(1).padStart(5)}%  ${what}`)
    .join('\n');
}
