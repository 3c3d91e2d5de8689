import type { Phase } from './phase.js';

/** The layer that an error comes from. */
export type ErrorLayer = 'usage' | 'xml' | 'jid' | 'transport' | 'tls' | 'stream' | 'sasl' | 'stanza' | 'timeout';

export interface XmppErrorInit {
  /** The defined condition, in the words of RFC 6120 where it has one: `not-authorized`, `host-unknown` ... */
  condition: string;
  /** One sentence for people: what happened and what to do. Must hold no secret. */
  text?: string;
  phase?: Phase;
  /** Whether the same attempt may succeed later. */
  retryable?: boolean;
  cause?: unknown;
}

/**
 * What every error of rxmpp is: `layer`, `condition`, `phase`, `retryable` and `cause`.
 *
 * The condition and the phase stand in `message` too, because marble matchers and log lines reduce an error to its name
 * and message. No error ever holds a password, proof or token.
 */
export abstract class XmppError extends Error {
  abstract readonly layer: ErrorLayer;
  readonly condition: string;
  readonly text: string;
  readonly retryable: boolean;
  #phase: Phase | undefined;

  constructor({ condition, text = '', phase, retryable = false, cause }: XmppErrorInit) {
    super(undefined, cause === undefined ? undefined : { cause });
    this.condition = condition;
    this.text = text;
    this.retryable = retryable;
    this.#phase = phase;
    this.message = describe(condition, phase, text);
  }

  /** The phase in which the error happened; `undefined` only for errors outside any attempt (a malformed JID, say). */
  get phase(): Phase | undefined {
    return this.#phase;
  }

  /** What a log should hold; `JSON.stringify` of an Error is `{}` otherwise. */
  toJSON(): Record<string, unknown> {
    const { name, layer, condition, phase, retryable, text } = this;
    return { name, layer, condition, phase, retryable, text };
  }

  /**
   * Names the phase where whoever raised the error could not know it (a socket does not know what it is read for).
   * A phase once named stays.
   *
   * @internal
   */
  static inPhase<E>(error: E, phase: Phase): E {
    if (error instanceof XmppError && error.#phase === undefined) {
      error.#phase = phase;
      error.message = describe(error.condition, phase, error.text);
    }
    return error;
  }
}

function describe(condition: string, phase: Phase | undefined, text: string): string {
  return `${condition}${phase ? ` (${phase})` : ''}${text ? `: ${text}` : ''}`;
}
