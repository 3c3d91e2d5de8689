import {
  defer,
  from,
  ignoreElements,
  map,
  switchMap,
  take,
  throwIfEmpty,
  type Observable,
  type ObservableInput,
} from 'rxjs';
import { attempted } from '../client/attempt.js';
import { attemptConfig } from '../client/attempt-config.js';
import { prepareOptions, type XmppOptions } from '../client/options.js';
import { UsageError } from '../errors/usage-error.js';
import { jid, type Jid } from '../jid/jid.js';
import type { Session } from '../session/session.js';
import { SessionMemory } from '../session/session-memory.js';
import { connect } from '../stream/connect.js';
import { deadline } from '../stream/deadline.js';
import { request } from '../stream/features/request.js';
import { openStream } from '../stream/open-stream.js';
import { scopeMap } from '../stream/scope-map.js';
import type { FeatureContext } from '../stream/stream-feature.js';
import { startTls } from '../stream/start-tls.js';
import { inPhase } from '../stream/within.js';
import * as NS from '../xml/namespaces.js';
import { xml } from '../xml/xml.js';
import { XmlElement } from '../xml/xml-element.js';
import type { XmlStream } from '../stream/xml-stream.js';
import { dataForm, submitForm, type FormField, type FormValues } from './data-form.js';

/** What a server asks of those who register. */
export interface RegistrationForm {
  /** For people. */
  readonly instructions: string | undefined;
  readonly fields: readonly FormField[];
  /** A page to register at, in place of the fields or beside them (XEP-0066). */
  readonly url: string | undefined;
}

/** Fills the form in; completing without a value gives up. It may take its time. */
export type FillIn = (form: RegistrationForm) => ObservableInput<FormValues>;

export type RegistrationOptions = Omit<XmppOptions, 'jid' | 'credentials' | 'resource'> & { readonly domain: string };

/**
 * Registers an account (XEP-0077 section 3.1): connects, secures, asks for the form, has it filled in, sends it, and closes.
 *
 * ```text
 * in            ... <query><username/><password/></query>        result
 * fillIn                                                  -f
 * out       <query/>                                        <query><username>..
 * register  ---------------------------------------------------------------(j|)
 * ```
 *
 * Emits the JID of the account, or `undefined` where the form has no user name, and completes. Cold: each subscription registers.
 *
 * ```ts
 * register({ domain: 'example.org', transport: tcp() }, () => of({ username: 'alice', password }))
 * ```
 *
 * Errors with `StanzaError` for what the server refuses, of phase `register` (`conflict`: the name is taken; `not-acceptable`: a
 * field is missing or not good enough; `feature-not-implemented`, `not-allowed`: nobody can register), with `UsageError`
 * `missing-field` before anything is sent, and with what connecting errors with.
 */
export function register(options: RegistrationOptions, fillIn: FillIn): Observable<Jid | undefined> {
  return attempted(
    (attempt) => {
      // Registering proves nothing: these are the credentials of nobody.
      const prepared = prepareOptions({ ...options, credentials: { anonymous: true } });
      const { scheduler, timeouts, random, domain } = prepared;
      const memory = new SessionMemory(scheduler, random);
      const { transport, context, config } = attemptConfig(prepared, memory, false, attempt.trace, undefined);
      const stage = { timeouts, scheduler, trace: attempt.trace, agreed: { authenticated: false, resumed: false } };
      return connect(transport, context).pipe(
        openStream(config),
        startTls(config),
        deadline(timeouts.deadline, scheduler, () => attempt.phase),
        scopeMap((opened) => registerOn(opened, fillIn, domain, stage)),
        take(1),
      );
    },
    1,
    options.scheduler,
    options.trace,
  );
}

function registerOn(
  stream: XmlStream,
  fillIn: FillIn,
  domain: string,
  context: FeatureContext,
): Observable<Jid | undefined> {
  const query = (...children: (XmlElement | null)[]) => xml('query', { xmlns: NS.register }, ...children);
  return request(stream, query(), 'register', context, 'get').pipe(
    switchMap((answer) => {
      const asked = answer.child('query', NS.register) ?? query();
      const x = asked.child('x', NS.dataForms);
      const form = x ? ofDataForm(asked, x) : ofElements(asked);
      return defer(() => from(fillIn(form))).pipe(
        take(1),
        throwIfEmpty(() => new UsageError('not-filled-in', 'the form was not filled in')),
        switchMap((values) => {
          checkRequired(form, values);
          // Errors repeat what a server says, but not these.
          for (const { name, type } of form.fields)
            if (type === 'text-private') stream.secrets.add(String(values[name] ?? ''));
          const filled = x ? [submitForm(form, values)] : elements(form, values);
          return request(stream, query(...filled), 'register', context).pipe(
            map(() => {
              const { username = form.fields.find(({ name }) => name === 'username')?.values[0] } = values;
              return typeof username === 'string' ? jid(`${username}@${domain}`) : undefined;
            }),
          );
        }),
      );
    }),
    inPhase('register'),
  );
}

function ofDataForm(query: XmlElement, x: XmlElement): RegistrationForm {
  const { instructions, fields } = dataForm(x);
  return { instructions: instructions ?? instructionsOf(query), fields, url: urlOf(query) };
}

/** The fields that XEP-0077 itself knows, which are elements: all that are asked for are required. */
function ofElements(query: XmlElement): RegistrationForm {
  const fields = query.children.flatMap((child): FormField[] => {
    if (!(child instanceof XmlElement) || child.xmlns !== NS.register || NO_FIELDS.has(child.name)) return [];
    const type = child.name === 'password' ? 'text-private' : child.name === 'key' ? 'hidden' : 'text-single';
    const text = child.text();
    return [{ name: child.name, type, label: undefined, required: true, values: text ? [text] : [], options: [] }];
  });
  return { instructions: instructionsOf(query), fields, url: urlOf(query) };
}

const NO_FIELDS = new Set(['instructions', 'registered', 'remove']);

function elements({ fields }: RegistrationForm, values: FormValues): XmlElement[] {
  return fields.map(({ name, values: [given] }) => xml(name, {}, String(values[name] ?? given ?? '')));
}

function checkRequired({ fields }: RegistrationForm, values: FormValues): void {
  // `false` is an answer, and an empty list is none.
  const missing = fields.filter(
    ({ name, required, values: [given = ''] }) => required && !String(values[name] ?? given),
  );
  if (missing.length === 0) return;
  throw new UsageError('missing-field', `the server wants ${missing.map(({ name }) => name).join(', ')} too`);
}

function instructionsOf(query: XmlElement): string | undefined {
  return query.child('instructions', NS.register)?.text();
}

function urlOf(query: XmlElement): string | undefined {
  return query.child('x', 'jabber:x:oob')?.child('url', 'jabber:x:oob')?.text();
}

/**
 * Changes the account's password (XEP-0077 section 3.3): completes once the server has done so. Cold.
 *
 * Errors with `StanzaError` as the server refuses (`not-authorized`, `not-allowed`, `bad-request` ...), or as `Session.iq` does.
 * Other sessions of the account go on; the next attempt needs the new password.
 */
export function changePassword(session: Pick<Session, 'jid' | 'iq'>, password: string): Observable<never> {
  return defer(() => {
    const { local, domain } = session.jid;
    if (local === undefined) throw new UsageError('no-account', 'this session has no account');
    const query = xml('query', { xmlns: NS.register }, xml('username', {}, local), xml('password', {}, password));
    return session.iq('set', query, domain);
  }).pipe(ignoreElements());
}

/**
 * Removes the account (XEP-0077 section 3.2): completes once the server has done so; it ends the session then, most often with a
 * stream error `not-authorized`. Cold. Errors as `changePassword` does.
 */
export function cancelRegistration(session: Pick<Session, 'iq'>): Observable<never> {
  return defer(() => session.iq('set', xml('query', { xmlns: NS.register }, xml('remove')))).pipe(ignoreElements());
}
