/**
 * Jest's environment for Node, in a context whose global object is an ordinary one. Jest's own asks an interceptor for every global
 * that code names (`Math`, `Error`, `undefined` even), which makes whole simulations three times as slow as they are in Node.
 */
const v8 = require('node:v8');
const vm = require('node:vm');
const { TestEnvironment } = require('jest-environment-node');

// Each suite has functions of its own, which V8 optimizes anew once they are a little warm: an eighth of the processor's time. Six
// times later is soon enough for the long suites, and too late for most of the short ones, which take 4 % less so.
v8.setFlagsFromString('--interrupt-budget=400000');

module.exports = class PlainContext extends TestEnvironment {
  constructor(...args) {
    const { createContext } = vm;
    // The environment offers no other place to say so.
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY);
    try {
      super(...args);
    } finally {
      vm.createContext = createContext;
    }
    // Jest asks for a hundred frames (Node for ten), and much of what is specified here is errors, many thousands in some suites.
    this.global.Error.stackTraceLimit = 20;
  }
};
