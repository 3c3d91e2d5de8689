/**
 * Jest begins with the suites that took longest the last time. On a clean clone nothing is known of that, and what takes longest
 * (whole simulations, real servers) would come last, alone on one of the cores.
 */
const { default: Sequencer } = require('@jest/test-sequencer');

const LONGEST = [/spec\/simulation\//, /spec\/(integration|hostile)\//, /spec\/cli\//];
const rank = ({ path }) => [...LONGEST, /./].findIndex((folder) => folder.test(path));

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    return [...super.sort(tests)].sort((a, b) => rank(a) - rank(b));
  }
};
