export { Jid, jid } from './jid.js';
export { bareOf } from './bare-of.js';
