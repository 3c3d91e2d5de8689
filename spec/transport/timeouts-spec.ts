import { DEFAULT_TIMEOUTS, wholeTimeouts } from '../../lib/transport/timeouts.js';

describe('wholeTimeouts', () => {
  it('are the defaults where nothing is asked for', () => {
    expect(wholeTimeouts()).toBe(DEFAULT_TIMEOUTS);
    expect(wholeTimeouts({})).toBe(DEFAULT_TIMEOUTS);
    expect(wholeTimeouts({ sasl: undefined } as never)).toBe(DEFAULT_TIMEOUTS);
  });

  it('take over what is asked for, and nothing else', () => {
    expect(wholeTimeouts({ sasl: 7, tls: undefined, other: 1 } as never)).toEqual({ ...DEFAULT_TIMEOUTS, sasl: 7 });
  });

  it('stay the one object that is whole, so that a session keeps no second one', () => {
    const whole = { ...DEFAULT_TIMEOUTS, close: 1 };
    expect(wholeTimeouts(whole)).toBe(whole);
  });
});
