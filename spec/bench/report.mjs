// The results as text: medians with their range, and ratios, which are what counts.
import { median } from './usage.mjs';

export const NAMES = { 'xmpp-js': '@xmpp/client', strophe: 'strophe.js', bare: 'bare (the ceiling)' };
const nameOf = (contender) => contender.replace(/^\S+/, (client) => NAMES[client] ?? client);

const range = (list) => ({ median: median(list), min: Math.min(...list), max: Math.max(...list) });

/** @param rounds Of each contender, what its worker told in each round. */
export function summarize({ name, title, unit, metric = 'value', ratio = 'lower', targets }, rounds) {
  const of = (contender) => rounds[contender].map((result) => result[metric]);
  const ours = of('rxmpp');
  const contenders = Object.fromEntries(
    Object.keys(rounds).map((contender) => {
      const list = of(contender);
      // Round by round: both were measured within seconds of each other.
      const ratios = list.map((value, i) => {
        const own = ours[Math.min(i, ours.length - 1)];
        return ratio === 'lower' ? value / own : own / value;
      });
      return [
        contender,
        {
          ...range(list),
          ...(contender.startsWith('rxmpp') ? {} : { ratio: range(ratios) }),
          rounds: rounds[contender],
        },
      ];
    }),
  );
  const judged = targets.map((target) => {
    const value = target.against ? contenders[target.against].ratio.median : contenders[target.of].median;
    const reached = target.against ? value >= target.atLeast : value <= target.atMost;
    return { ...target, value, reached };
  });
  return { name, title, unit, metric, contenders, targets: judged };
}

const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
const span = ({ median: middle, min, max }, suffix = '') =>
  `${digits(middle)}${suffix}`.padStart(8) + (min === max ? '' : `  ${digits(min)}-${digits(max)}`);

export function text({ machine, figures }) {
  const lines = Object.entries(machine).map(([what, value]) => `${what}: ${value}`);
  for (const { name, title, unit, contenders, targets } of figures) {
    lines.push('', `${name}: ${title}`, `  ${''.padEnd(30)}${unit.padStart(8)}`.padEnd(64) + 'ratio');
    for (const [contender, result] of Object.entries(contenders)) {
      const value = `  ${nameOf(contender).padEnd(30)}${span(result)}`;
      lines.push(result.ratio ? value.padEnd(60) + span(result.ratio, 'x') : value);
    }
    for (const { against, atLeast, of, atMost, value, reached } of targets) {
      const wanted = against
        ? `at least ${atLeast}x against ${nameOf(against)}: ${digits(value)}x`
        : `${nameOf(of)} at most ${atMost}: ${digits(value)}`;
      lines.push(`  ${reached ? 'reached' : 'NOT REACHED'}: ${wanted}`);
    }
  }
  const judged = figures.flatMap(({ targets }) => targets);
  lines.push('', `${judged.filter(({ reached }) => reached).length} of ${judged.length} targets reached`);
  return `${lines.join('\n')}\n`;
}
