/** Access tokens of a server that was started with `oauth`. */
export interface Tokens {
  /**
   * A new token for the bare JID of a user.
   *
   * @param seconds How long it is good for; 3,600 by default. With 0 it has expired when it is made.
   */
  issue(user: string, seconds?: number): Promise<string>;
  /** Makes it good for nothing from now on. */
  revoke(token: string): Promise<void>;
}

/** For a server that was started without. */
export const noTokens: Tokens = {
  issue: () => Promise.reject(new Error('start it with `oauth`')),
  revoke: () => Promise.reject(new Error('start it with `oauth`')),
};
