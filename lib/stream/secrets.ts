/** One for all that know none. */
const NONE: readonly string[] = [];

/**
 * What was sent on a stream to authenticate. A server that repeats it must not get it into an error or a log by that (threat
 * A7); whatever it says is passed through `told`.
 */
export class Secrets {
  // Private, so that neither inspect nor JSON shows them.
  #known = NONE;

  add(...secrets: readonly (string | undefined)[]): void {
    // '=' stands for an empty response (RFC 6120 section 6.4.2).
    for (const secret of secrets) if (secret && secret !== '=') this.#known = this.#known.concat(secret);
  }

  /** What the server says, or nothing where it repeats a secret. */
  told(words: string): string {
    return this.#repeated(words, 0) ? '' : words;
  }

  /** A defined condition, or `undefined-condition`. What is decided by it does not hang on a password of three letters. */
  condition(name: string | undefined): string {
    return name === undefined || this.#repeated(name, 4) ? 'undefined-condition' : name;
  }

  #repeated(words: string, least: number): boolean {
    return this.#known.some((secret) => secret.length >= least && words.includes(secret));
  }
}
