import { atOneServer } from './support/topic.js';
import { closing } from './trouble/closing.js';
import { command } from './trouble/command.js';
import { expired } from './trouble/expired.js';
import { failure } from './trouble/failure.js';
import { flips } from './trouble/flips.js';
import { resilience } from './trouble/resilience.js';

/** What goes wrong or ends, and what a client makes of it: links are cut, the server is frozen, restarted and killed. */
atOneServer([flips, closing, resilience, command, failure, expired], { tls: 'optional' });
