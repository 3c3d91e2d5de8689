import { Observable, type ObservableInput } from 'rxjs';
import type { SaslContext } from '../../lib/sasl/mechanism.js';
import type { ChannelBindingType } from '../../lib/transport/transport.js';
import { syncCrypto } from './sync-crypto.js';

export interface ContextInit extends Partial<Omit<SaslContext, 'channelBinding'>> {
  readonly bindings?: Partial<Record<ChannelBindingType, Uint8Array>>;
}

/** What a mechanism gets, for `user` with the password `pencil` over TLS without channel binding unless told otherwise. */
export function saslContext({ bindings = {}, ...init }: ContextInit = {}): SaslContext {
  return {
    credentials: { password: 'pencil' },
    local: 'user',
    domain: 'example.org',
    secure: true,
    offered: ['SCRAM-SHA-1', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN'],
    offeredBindings: undefined,
    channelBinding: (type) => bindings[type],
    crypto: syncCrypto(),
    iterations: { min: 4096, max: 1_000_000 },
    ...init,
  };
}

/** What an observable with one value emits synchronously; throws its error, and throws if it does anything else. */
export function valueOf<T>(source: ObservableInput<T>): T {
  const values: T[] = [];
  let outcome: { error: unknown } | 'complete' | undefined;
  (source as Observable<T>).subscribe({
    next: (value) => values.push(value),
    error: (error: unknown) => (outcome = { error }),
    complete: () => (outcome = 'complete'),
  });
  if (typeof outcome === 'object') throw outcome.error;
  if (outcome !== 'complete' || values.length !== 1) throw new Error(`${values.length} values, then ${outcome}`);
  return values[0];
}

/** The error that an observable ends with synchronously, before any value. */
export function errorOf(source: ObservableInput<unknown>): unknown {
  let value: unknown;
  try {
    value = valueOf(source);
  } catch (error) {
    return error;
  }
  throw new Error(`expected an error, got ${String(value)}`);
}

export const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();
export const bytes = (value: string) => new Uint8Array(Buffer.from(value));
