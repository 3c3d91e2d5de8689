import { SaslError } from '../errors/sasl-error.js';

/** What authentication fails with. */
export function fault(condition: string, text: string, mechanism?: string, cause?: unknown): SaslError {
  return new SaslError({ condition, text, mechanism, cause });
}
