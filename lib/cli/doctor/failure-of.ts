import { XmppError } from '../../errors/index.js';
import { inOptions } from '../explain.js';
import type { Failure } from './diagnosis.js';

export function failureOf(error: unknown): Failure {
  if (!(error instanceof XmppError)) {
    const sentence = error instanceof Error ? error.message : String(error);
    return { phase: undefined, condition: 'unexpected-error', sentence };
  }
  const { phase, condition, text } = error;
  return { phase, condition, sentence: inOptions(text) || condition };
}
