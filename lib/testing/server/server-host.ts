import type { Accounts } from './accounts.js';
import type { Faults } from './faults.js';
import type { ServerLog } from './server-log.js';
import type { ServerSession } from './server-session.js';
import type { ServerSettings } from './settings.js';
import type { ServerStream } from './server-stream.js';
import type { XmlElement } from '../../xml/index.js';

/** What a stream needs of its server. */
export interface ServerHost {
  readonly settings: ServerSettings;
  readonly accounts: Accounts;
  readonly faults: Faults;
  readonly log: ServerLog;
  /** Binds a resource, or says why not. `undefined` asks for one of the server's choice. */
  bind(stream: ServerStream, resource: string | undefined): ServerSession | { readonly condition: string };
  /** The session of this id that this account may resume. */
  resumable(account: string, id: string): ServerSession | undefined;
  /** What is left of a session that cannot be resumed any more: how much the server had handled (XEP-0198 section 5). */
  expired(account: string, id: string, h: string | undefined): number | undefined;
  /** A stanza of a bound session. */
  received(session: ServerSession, stanza: XmlElement): void;
  /** A stream of this account is gone. */
  left(account: string): void;
  released(stream: ServerStream): void;
}
