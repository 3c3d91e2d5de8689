/* global beforeEach, afterEach */
const { config } = require('rxjs');

// A change may make an error that nobody catches: RxJS would end the process with it, and all that is still to be tried. It fails the spec.
const caught = [];
const take = (error) => caught.push(error);
const fresh = () => void (config.onUnhandledError = take);
fresh();
beforeEach(fresh);
// RxJS tells in a later turn. A spec may have replaced the timers.
const { setTimeout } = globalThis;
afterEach(async () => {
  fresh();
  await new Promise((done) => setTimeout(done, 1));
  const [first] = caught.splice(0);
  if (first !== undefined) throw first;
});
