import { concat, defer, of, throwError } from 'rxjs';
import { SaslError, StreamError, TransportError, XmppTimeoutError, type XmppError } from '../../lib/errors/index.js';
import type { Ahead } from '../../lib/stream/open-stream.js';
import { pipelining, type PipelinedAttempt } from '../../lib/stream/pipelining.js';
import type { Connection } from '../../lib/transport/transport.js';
import { NS, xml, type XmlElement } from '../../lib/xml/index.js';
import { stubConnection } from '../support/stub-connection.js';
import { watch } from '../support/watch.js';

const feature = (name: string, xmlns: string, ...children: (XmlElement | string)[]) =>
  xml(name, { xmlns }, ...children);
const features = (...children: (XmlElement | string)[]) => xml('features', { xmlns: NS.stream }, ...children);
const STARTTLS = feature('starttls', NS.tls);
const BIND = feature('bind', NS.bind);
const SM = feature('sm', NS.sm);
const MECHANISMS = feature('mechanisms', NS.sasl, xml('mechanism', {}, 'SCRAM-SHA-256'));
const ABOUT: PipelinedAttempt = { resuming: false, extended: false, mechanism: undefined };

const startTls = () => of(stubConnection() as Connection);
const PLAIN = stubConnection(undefined, { startTls });
const TLS = stubConnection(undefined, { tls: { protocol: 'TLSv1.3' } });
const namesOf = (expected: XmlElement | undefined) =>
  expected?.children.map((child) => (typeof child === 'string' ? child : child.name)).join(' ');

/** What one attempt makes of an `Ahead`; `connects` counts the connections. */
function attempt(
  memory: ReturnType<typeof pipelining>,
  use: (ahead: Ahead) => void,
  about: Partial<PipelinedAttempt> = {},
) {
  let connects = 0;
  const { error, log } = watch(
    memory.attempt({ ...ABOUT, ...about }, (ahead) =>
      defer(() => {
        connects++;
        use(ahead!);
        return of('online');
      }),
    ),
  );
  return { connects, error: error as XmppError | undefined, log };
}
const expected = (
  memory: ReturnType<typeof pipelining>,
  connection: Connection,
  authenticated = false,
  about: Partial<PipelinedAttempt> = {},
) => {
  let found: XmlElement | undefined;
  attempt(memory, (ahead) => (found = ahead.expect(connection, authenticated)), about);
  return namesOf(found);
};

describe('pipelining: what is expected', () => {
  const scram = { mechanism: 'SCRAM-SHA-256' };

  it('in clear is TLS, where it can be started', () => {
    expect(expected(pipelining(), PLAIN)).toBe('starttls');
    expect(expected(pipelining(), stubConnection())).toBeUndefined();
    expect(expected(pipelining(), stubConnection(undefined, { startTls, framing: 'frames' }))).toBeUndefined();
  });

  it('over TLS is what was offered there before, and nothing but after SCRAM', () => {
    const memory = pipelining();
    expect(expected(memory, TLS, false, scram)).toBeUndefined();
    attempt(memory, (ahead) => ahead.told(features(MECHANISMS), TLS, false, undefined));
    expect(expected(memory, TLS, false, scram)).toBe('mechanisms');
    expect(expected(memory, TLS, false, { mechanism: 'PLAIN' })).toBeUndefined();
    expect(expected(memory, TLS, false)).toBeUndefined();
  });

  it('in clear is nothing that was offered in clear', () => {
    const memory = pipelining();
    attempt(memory, (ahead) => ahead.told(features(MECHANISMS), PLAIN, false, undefined));
    expect(expected(memory, TLS, false, scram)).toBeUndefined();
  });

  it('when authenticated is what leads to a session, unless something else may come between', () => {
    expect(expected(pipelining(), TLS, true)).toBe('bind');
    expect(expected(pipelining(), TLS, true, { resuming: true })).toBe('sm bind');
    expect(expected(pipelining(), TLS, true, { extended: true })).toBeUndefined();
    const memory = pipelining();
    attempt(memory, (ahead) => ahead.told(features(SM, BIND), TLS, true, undefined));
    expect(expected(memory, TLS, true, { extended: true })).toBe('sm bind');
  });
});

describe('pipelining: what is told', () => {
  const told = (
    offer: XmlElement,
    connection: Connection,
    authenticated: boolean,
    about: Partial<PipelinedAttempt>,
  ) => {
    const memory = pipelining();
    attempt(memory, (ahead) => ahead.told(features(MECHANISMS), TLS, false, undefined));
    let first = true;
    return attempt(
      memory,
      (ahead) => {
        if (!first) return;
        first = false;
        ahead.told(offer, connection, authenticated, ahead.expect(connection, authenticated));
      },
      about,
    );
  };
  const scram = { mechanism: 'SCRAM-SHA-256' };

  it.each<[string, XmlElement, Connection, boolean, Partial<PipelinedAttempt>]>([
    ['TLS, and more', features(STARTTLS, MECHANISMS), PLAIN, false, {}],
    ['TLS, with white space', features('\n', STARTTLS), PLAIN, false, {}],
    ['bind, and more', features(SM, BIND), TLS, true, {}],
    ['all of what was expected', features(BIND, SM), TLS, true, { resuming: true }],
    ['the same mechanisms', features(MECHANISMS), TLS, false, scram],
  ])('as expected: %s', (_, offer, connection, authenticated, about) => {
    expect(told(offer, connection, authenticated, about)).toMatchObject({ connects: 1, error: undefined });
  });

  it.each<[string, XmlElement, Connection, boolean, Partial<PipelinedAttempt>]>([
    ['no TLS', features(MECHANISMS), PLAIN, false, {}],
    ['no bind', features(SM), TLS, true, {}],
    ['bind without what was resumed by', features(BIND), TLS, true, { resuming: true }],
    ['other mechanisms', features(feature('mechanisms', NS.sasl)), TLS, false, scram],
    ['the same mechanisms, and more', features(MECHANISMS, STARTTLS), TLS, false, scram],
  ])('otherwise: %s. The attempt is made again, without', (_, offer, connection, authenticated, about) => {
    expect(told(offer, connection, authenticated, about)).toMatchObject({ connects: 2, error: undefined });
  });

  it('otherwise, and again: that is the error, and may be tried later', () => {
    const { error, connects } = attempt(pipelining(), (ahead) => {
      const guess = ahead.expect(PLAIN, false) ?? features(STARTTLS);
      ahead.told(features(MECHANISMS), PLAIN, false, guess);
    });
    expect(connects).toBe(2);
    expect(error).toMatchObject({ condition: 'undefined-condition', retryable: true, layer: 'stream' });
    expect(error!.text).toMatch(/features/);
  });
});

describe('pipelining: what is tried again', () => {
  /** The first connection says something ahead, hears the features where `greeted`, and fails. */
  function failing(error: XmppError, { greeted = true, ahead: says = true, memory = pipelining() } = {}) {
    const actives: boolean[] = [];
    const outcome = attempt(memory, (ahead) => {
      const guess = says ? ahead.expect(PLAIN, false) : undefined;
      actives.push(guess !== undefined);
      if (actives.length > 1) return;
      if (greeted) ahead.told(features(STARTTLS), PLAIN, false, guess);
      throw error;
    });
    return { ...outcome, actives, memory };
  }
  const remote = (condition: string) => new StreamError({ condition, origin: 'remote' });

  it.each<[string, XmppError]>([
    ['bad-format', remote('bad-format')],
    ['policy-violation', remote('policy-violation')],
    ['unsupported-stanza-type', remote('unsupported-stanza-type')],
    ['silence', new XmppTimeoutError('starttls', 5)],
    ['a loss', new TransportError({ condition: 'connection-reset', phase: 'starttls' })],
  ])('%s', (_, error) => {
    expect(failing(error)).toMatchObject({ connects: 2, error: undefined, actives: [true, false] });
  });

  it.each<[string, XmppError]>([
    ['an error of ours', new StreamError({ condition: 'bad-format' })],
    ['an error that has nothing to do with it', remote('host-unknown')],
    ['a refusal of credentials', new SaslError({ condition: 'not-authorized' })],
    ['silence in TLS', new XmppTimeoutError('tls', 5)],
    ['a loss in TLS', new TransportError({ condition: 'connection-reset', phase: 'tls' })],
  ])('but not after %s', (_, error) => {
    expect(failing(error)).toMatchObject({ connects: 1, error });
  });

  it('nor where nothing was said ahead', () => {
    const error = remote('bad-format');
    expect(failing(error, { ahead: false })).toMatchObject({ connects: 1, error });
  });

  it('nor at once where nothing was heard; the next attempt does without, and the one after it does not', () => {
    const error = new XmppTimeoutError('open', 5);
    const { memory, ...outcome } = failing(error, { greeted: false });
    expect(outcome).toMatchObject({ connects: 1, error });
    expect(expected(memory, PLAIN)).toBeUndefined();
    expect(expected(memory, PLAIN)).toBe('starttls');
  });

  it('and no more is said ahead after three failures, unless one has worked between', () => {
    const error = remote('bad-format');
    const memory = pipelining();
    for (let n = 0; n < 2; n++) failing(error, { memory });
    expect(expected(memory, PLAIN)).toBe('starttls');
    for (let n = 0; n < 2; n++) failing(error, { memory });
    expect(expected(memory, PLAIN)).toBe('starttls');
    for (let n = 0; n < 3; n++) failing(error, { memory });
    expect(expected(memory, PLAIN)).toBeUndefined();
    expect(expected(memory, PLAIN)).toBeUndefined();
  });

  it('and not once it has led on', () => {
    let connects = 0;
    const { error, log } = watch(
      pipelining().attempt(ABOUT, (ahead) =>
        defer(() => {
          connects++;
          ahead!.told(features(STARTTLS), PLAIN, false, ahead!.expect(PLAIN, false));
          return concat(
            of('online'),
            throwError(() => remote('bad-format')),
          );
        }),
      ),
    );
    expect([connects, log, (error as XmppError).condition]).toEqual([1, ['next', 'error'], 'bad-format']);
  });
});
