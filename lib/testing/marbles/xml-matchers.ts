import { XmlElement } from '../../xml/index.js';
import { readPattern } from '../script/match.js';
import { differenceOf } from './difference.js';

/** What a matcher of Jest or Vitest says. */
export interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

/**
 * Matchers for Jest and Vitest: `expect.extend(xmlMatchers)`.
 *
 * - `toMatchXml(expected)`: an element (or the text of one) means the same as another, as `assertMarbles` compares them; where not, the
 *   difference is printed as XML.
 * - `toMatchXmppError(expected)`: an error has this condition, and this phase and layer where they are named.
 */
export const xmlMatchers = {
  toMatchXml(received: unknown, expected: XmlElement | string): MatcherResult {
    return result(
      differenceOf(expected, typeof received === 'string' ? readPattern(received) : received),
      'the elements',
    );
  },
  toMatchXmppError(
    received: unknown,
    expected: string | { readonly condition: string; readonly phase?: string; readonly layer?: string },
  ): MatcherResult {
    return result(differenceOf(expected, received), 'the errors');
  },
};

function result(difference: string | undefined, what: string): MatcherResult {
  return {
    pass: difference === undefined,
    message: () => (difference === undefined ? `${what} mean the same` : `${what} differ${difference}`),
  };
}
