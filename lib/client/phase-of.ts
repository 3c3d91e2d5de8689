import type { Phase } from '../errors/phase.js';
import type { LifecycleEvent } from '../trace/lifecycle-event.js';

/** The phase that an attempt is in after an event; none where the event changes none. */
export const PHASES: Partial<Record<LifecycleEvent['type'], Phase>> = {
  resolving: 'resolve',
  resolved: 'connect',
  connecting: 'connect',
  connected: 'open',
  'starting-tls': 'starttls',
  securing: 'tls',
  secured: 'open',
  opening: 'open',
  opened: 'features',
  features: 'features',
  authenticating: 'sasl',
  authenticated: 'open',
  binding: 'bind',
  bound: 'bind',
  resuming: 'resume',
  online: 'online',
  closing: 'close',
};
