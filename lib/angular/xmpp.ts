/* eslint-disable @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type --
   A token must be there at run time, and the client is an interface. */
import type { XmppClient } from '../client/xmpp-client.js';

/**
 * The client, as a token of dependency injection: `inject(Xmpp)`, or `injectXmpp()`. It is a class that imports nothing of
 * Angular, so that `rxmpp/testing` can provide it without.
 */
export abstract class Xmpp {}
export interface Xmpp extends XmppClient {}
