import type { ChannelBindingType } from '../transport/transport.js';
import type { SaslContext } from './mechanism.js';

export interface ChannelBinding {
  readonly type: ChannelBindingType;
  readonly data: Uint8Array;
}

/** Best first: `tls-exporter` binds to the connection, `tls-server-end-point` only to the certificate (XEP-0440 section 4). */
const types: readonly ChannelBindingType[] = ['tls-exporter', 'tls-server-end-point'];

/**
 * The types that the server says it supports (XEP-0440). A list without entries is no list: the schema forbids it, and
 * whoever could put one in on the way would otherwise switch channel binding off.
 */
export function bindingsOf({ offeredBindings }: SaslContext): readonly string[] | undefined {
  return offeredBindings?.length ? offeredBindings : undefined;
}

/** The best channel binding that both sides can do on this connection. */
export function channelBindingOf(context: SaslContext): ChannelBinding | undefined {
  const said = bindingsOf(context);
  return bindings(context).find(({ type }) => !said || said.includes(type));
}

/**
 * The GS2 flag of an exchange without channel binding (RFC 5802 section 6). `y` accuses whoever removed the -PLUS
 * mechanisms from the list, so it is sent only where we could bind and none was offered; a server that did offer one
 * refuses it.
 */
export function unboundFlag(context: SaslContext): 'n' | 'y' {
  return !offersPlus(context) && bindings(context).length > 0 ? 'y' : 'n';
}

export function isPlus(mechanism: string): boolean {
  return mechanism.endsWith('-PLUS');
}

function offersPlus({ offered }: SaslContext): boolean {
  return offered.some(isPlus);
}

function bindings(context: SaslContext): ChannelBinding[] {
  if (!context.secure) return [];
  return types.flatMap((type) => {
    const data = context.channelBinding(type);
    return data?.length ? [{ type, data }] : [];
  });
}
