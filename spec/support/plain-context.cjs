/**
 * Jest's environment for Node, in a context whose global object is an ordinary one. Jest's own asks an interceptor for every global
 * that code names (`Math`, `Error`, `undefined` even), which makes whole simulations three times as slow as they are in Node.
 */
const vm = require('node:vm');
const { TestEnvironment } = require('jest-environment-node');

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
