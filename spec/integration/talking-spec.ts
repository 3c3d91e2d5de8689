import { atOneServer } from './support/topic.js';
import { connecting } from './talking/connecting.js';
import { doctor } from './talking/doctor.js';
import { sayingAhead } from './talking/pipelining.js';
import { registering } from './talking/registration.js';
import { stanzas } from './talking/stanzas.js';
import { startUp } from './talking/start-up.js';
import { unixSocket } from './talking/unix-socket.js';
import { overWebSocket } from './talking/websocket.js';

/** What goes well at a server that nothing happens to. */
atOneServer([startUp, connecting, stanzas, overWebSocket, sayingAhead, unixSocket, registering, doctor]);
