import type { SaslError } from '../errors/sasl-error.js';
import { fault } from './fault.js';
import type { SaslContext } from './mechanism.js';
import { mechanismsOf } from './select-mechanism.js';

/** What a mechanism may be called (RFC 4422 section 3.1). Anything else is the server's, and stays out of logs. */
const registrable = /^[A-Z0-9_-]{1,20}$/;

/** Says what the server offers, and what is missing to use it, where `selectMechanism` finds nothing. */
export function noMechanismError(context: SaslContext): SaslError {
  const { offered } = context;
  const names = offered.filter((name) => registrable.test(name)).slice(0, 16);
  const mechanisms = mechanismsOf(context);
  const needs = mechanisms
    .filter(({ name }) => offered.includes(name))
    .map((mechanism) => `${mechanism.name} needs ${mechanism.needs?.(context) || 'other credentials'}`);
  const usable = mechanisms.filter((mechanism) => mechanism.usable(context)).map(({ name }) => name);
  const remedy = needs.join(', ') || `usable: ${usable.join(', ') || 'none'}`;
  return fault('no-mechanism', `the server offers ${names.join(', ') || 'no SASL mechanism'}; ${remedy}`);
}
