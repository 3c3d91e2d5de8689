/** `rxjs/testing` of the bundle that Jest loads (jest.config.js). */
module.exports = require('rxjs').testing;
