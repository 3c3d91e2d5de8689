import type { Attack, Result } from './attack.js';

/** An attack that is made otherwise than by the words of a server: by certificates, by the DNS, over HTTP. */
export interface Special extends Pick<Attack, 'row' | 'name' | 'ends' | 'notes'> {
  /** What it is made over, as the table says it. */
  readonly via: string;
  readonly play: () => Promise<Result>;
}
