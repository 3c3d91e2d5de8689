import { playGolden, referencesOf, strikes } from './golden.js';
import { scenarios, type Scenario } from './golden-scenarios.js';
import { unhandledErrors } from './simulate.js';

/** `npm run simulate -- --golden` breaks the conversations at every octet; here it is every so many, a prime number. */
const STRIDE = 149;

describe('golden transcripts', () => {
  it('are twelve at least', () => {
    expect(scenarios.length).toBeGreaterThanOrEqual(12);
    expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length);
  });

  const references = scenarios.flatMap(referencesOf);

  describe.each(references)('$scenario.name, by $via', (reference) => {
    const { scenario, via, run } = reference;

    it('goes as it is meant to where nothing is in its way, and the same way each time', () => {
      const events = scenario.closes ? scenario.trace : `${scenario.trace} cancelled`;
      expect({ events: run.events.join(' '), violations: run.violations }).toEqual({ events, violations: [] });
      expect(playGolden(scenario, via, undefined, { wire: true }).trace).toEqual(run.trace);
    });

    it('recovers or ends wherever it is cut or stalled', () => {
      for (const strike of strikes(reference, STRIDE)) {
        const { violations } = playGolden(scenario, via, strike);
        expect({ strike, violations }).toEqual({ strike, violations: [] });
      }
    }, 60_000);
  });

  it('leave no error unhandled', () => {
    expect(unhandledErrors).toEqual([]);
  });

  describe('would show', () => {
    const messages = scenarios.find(({ name }) => name === 'messages and IQs both ways')!;
    const broken = (options: Scenario['options']): string[] => {
      const scenario = { ...messages, options };
      const [reference] = referencesOf(scenario);
      return [...strikes(reference!, 211)].flatMap((strike) => playGolden(scenario, 'client', strike).violations);
    };

    it('a client that does not notice dead links', () => {
      expect(broken({ keepAlive: false })).toContainEqual(expect.stringMatching(/^I3: not usable/));
    });

    it('a phase without a bound', () => {
      const timeouts = { features: 1e9, sasl: 1e9, deadline: 1e9 };
      expect(broken({ timeouts })).toContainEqual(expect.stringMatching(/^I3/));
    });

    it('a client that sends what it lost without saying so', () => {
      const resumed = scenarios.find(({ name }) => name === 'resume refused')!;
      const scenario = { ...resumed, options: { resendLost: true } };
      expect(playGolden(scenario, 'client').violations).toContainEqual(
        expect.stringMatching(/^I8: .* arrived 2 times/),
      );
    });
  });
});
