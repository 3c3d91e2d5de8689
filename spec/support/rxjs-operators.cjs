/** `rxjs/operators` of the bundle that Jest loads (jest.config.js): Angular imports it. */
module.exports = require('rxjs').operators;
