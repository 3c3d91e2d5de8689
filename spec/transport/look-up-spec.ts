import { EMPTY, NEVER, throwError, VirtualTimeScheduler, type Observable } from 'rxjs';
import { TransportError } from '../../lib/errors/transport-error.js';
import { lookUp } from '../../lib/transport/look-up.js';
import { connectContext } from '../support/connect-context.js';
import { watch } from '../support/watch.js';

function failing(query$: Observable<never>) {
  const scheduler = new VirtualTimeScheduler();
  const attempt = watch(lookUp('_xmpp._tcp.a.example', () => query$, connectContext({ scheduler })));
  scheduler.flush();
  return attempt.error as TransportError;
}

describe('lookUp: what its errors tell', () => {
  it.each<[string, Observable<never>, string, RegExp]>([
    ['an error of the resolver', throwError(() => new Error('boom')), 'dns-failure', /boom/],
    ['no answer', EMPTY, 'dns-failure', /_xmpp\._tcp\.a\.example\S* .*answer/],
    ['silence', NEVER, 'timeout', /10000/],
  ])('%s: for which name, and why', (_, query$, condition, why) => {
    const error = failing(query$);
    expect(error).toMatchObject({ condition, phase: 'resolve', retryable: true });
    expect(error.text).toContain('_xmpp._tcp.a.example');
    expect(error.text).toMatch(why);
  });

  it('a typed error is left as it is, but for the phase', () => {
    const typed = new TransportError({ condition: 'dns-refused' });
    expect(failing(throwError(() => typed))).toBe(typed);
    expect(typed.phase).toBe('resolve');
  });

  it('keeps the cause', () => {
    const cause = new Error('boom');
    expect(failing(throwError(() => cause)).cause).toBe(cause);
  });
});
