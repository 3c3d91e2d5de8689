import { map } from 'rxjs';
import * as NS from '../../xml/namespaces.js';
import { xml } from '../../xml/xml.js';
import type { Outcome, StreamFeature } from '../stream-feature.js';
import { request } from './request.js';

/**
 * Establishes a session as RFC 3921 section 3 had it, where a server still insists: RFC 6121 has dropped it, and servers
 * advertise it as optional for old clients' sake.
 */
export const legacySession: StreamFeature = {
  name: 'session',
  xmlns: NS.session,
  parse: (advertised, _stream, { agreed }) => (agreed.jid && !advertised?.child('optional') ? advertised : undefined),
  negotiate: (stream, _offer, context) =>
    request(stream, xml('session', { xmlns: NS.session }), 'bind', context).pipe(
      map((): Outcome => ({ kind: 'next' })),
    ),
};
