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
  return bindings(context, bindingsOf(context))[0];
}

/**
 * The GS2 flag of an exchange without channel binding (RFC 5802 section 6). `y` accuses whoever removed the -PLUS
 * mechanisms from the list, so it is sent only where we could bind and none was offered; a server that did offer one
 * refuses it.
 */
export function unboundFlag(context: SaslContext): 'n' | 'y' {
  return !context.offered.some(isPlus) && bindings(context).length ? 'y' : 'n';
}

export function isPlus(mechanism: string): boolean {
  return mechanism.endsWith('-PLUS');
}

function bindings(context: SaslContext, said: readonly string[] = types): ChannelBinding[] {
  return types.flatMap((type) => {
    const data = context.secure && said.includes(type) && context.channelBinding(type);
    return data && data.length ? [{ type, data }] : [];
  });
}
