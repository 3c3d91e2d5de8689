import { asyncScheduler } from 'rxjs';
import { UsageError } from '../../errors/index.js';
import { Jid } from '../../jid/index.js';
import { nobleCrypto } from './noble-crypto.js';
import type { StreamManagementOptions, XmppServerOptions } from './options.js';

const MECHANISMS = ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN', 'ANONYMOUS', 'EXTERNAL'];

/** The options with their defaults filled in. */
export type ServerSettings = ReturnType<typeof settingsOf>;

export function settingsOf(options: XmppServerOptions) {
  const { streamManagement = {} } = options;
  const iterations = options.iterations ?? 4096;
  if (!Number.isInteger(iterations) || iterations < 1)
    throw new UsageError('bad-option', 'iterations is a whole number');
  return {
    domain: Jid.of(undefined, options.domain ?? 'localhost').toString(),
    mechanisms: options.mechanisms ?? MECHANISMS,
    tls: options.tls ?? 'required',
    iterations,
    downgradeProtection: options.downgradeProtection ?? false,
    streamManagement: streamManagement && managementOf(streamManagement),
    legacySession: options.legacySession ?? 'optional',
    onConflict: options.onConflict ?? 'replace',
    presence: options.presence ?? 'everyone',
    echo: options.echo ?? 'echo',
    offlineMessages: options.offlineMessages ?? 100,
    limits: options.limits,
    features: options.features,
    scheduler: options.scheduler ?? asyncScheduler,
    random: options.random ?? Math.random,
    crypto: options.crypto ?? nobleCrypto,
  } as const;
}

const managementOf = (options: StreamManagementOptions) => ({
  resume: options.resume ?? true,
  max: options.max ?? 300,
  location: options.location,
  requestEvery: options.requestEvery ?? 5,
  requestAfter: options.requestAfter ?? 1000,
});
