/**
 * What asks for the memory in use comes first, while a worker holds little else: a full collection costs what there is. Then what is
 * longest, by folder: Jest begins with the suites that took longest the last time, but on a clean clone nothing is known of that,
 * and whole simulations and real servers would come last, alone on one of the cores.
 */
const { default: Sequencer } = require('@jest/test-sequencer');

const FIRST = [
  /spec\/xml\/memory-spec/,
  /spec\/(simulation\/|types-spec)/,
  /spec\/(integration|hostile)\//,
  /spec\/cli\//,
];
const rank = ({ path }) => [...FIRST, /./].findIndex((folder) => folder.test(path));

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    return [...super.sort(tests)].sort((a, b) => rank(a) - rank(b));
  }
};
