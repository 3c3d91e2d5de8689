import type { Observable } from 'rxjs';
import type { Check } from './check.js';
import type { Stage } from './stage.js';

/** A part of the demonstration. */
export interface Scene {
  readonly title: string;
  /** One line: what is to be seen. */
  readonly about: string;
  /** Only what matters of each attempt is shown to people. */
  readonly brief?: boolean;
  /** Plays it, and says what it has shown. */
  play(stage: Stage): Observable<Check>;
}
