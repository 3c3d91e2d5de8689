import { map, timer, switchMap, type Observable, type SchedulerLike } from 'rxjs';
import type { Connection, Transport } from '../../lib/transport/transport.js';
import type { Violations } from './violations.js';

const SECRET = /<(auth|response|message|presence|iq|resume|enable)[\s/>]/;

/**
 * A transport that is slow to find its way (as DNS can be), and that looks at what leaves in clear (I4).
 *
 * @param delay Milliseconds before each connection is dialled; `Infinity` for a look-up that is never answered.
 */
export function watchedTransport(
  inner: Transport,
  delay: () => number,
  scheduler: SchedulerLike,
  violations: Violations,
): Transport {
  return {
    name: inner.name,
    connect: (context): Observable<Connection> => {
      context.trace({ type: 'resolving', domain: context.domain });
      return timer(delay(), scheduler).pipe(
        switchMap(() => {
          context.trace({ type: 'connecting', target: { host: 'memory', port: 5222, security: 'starttls' } });
          return inner.connect(context);
        }),
        map((connection) => (connection.tls ? connection : watched(connection, violations))),
      );
    },
  };
}

function watched(connection: Connection, violations: Violations): Connection {
  return new Proxy(connection, {
    get(target, key) {
      if (key === 'write') {
        return (text: string, written?: () => void) => {
          violations.check(!SECRET.test(text), 'I4', () => `sent in clear: ${text.slice(0, 60)}`);
          target.write(text, written);
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
}
