import type { Attack } from '../attack.js';
import { SASL } from './sasl.js';
import { STANZAS } from './stanzas.js';
import { TRANSPORT } from './transport.js';
import { XML } from './xml.js';

/** All that a server can do by its words. */
export const ATTACKS: readonly Attack[] = [...TRANSPORT, ...SASL, ...XML, ...STANZAS];
