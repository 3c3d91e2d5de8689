import { EMPTY, NEVER, of, throwError, VirtualTimeScheduler, type Subscription } from 'rxjs';
import { UsageError } from '../../lib/errors/index.js';
import { cancelRegistration, changePassword, register, type FillIn, type RegistrationForm } from '../../lib/index.js';
import { end, expects, mute, reply, scriptedTransport, type Script } from '../../lib/testing.js';
import type { ScriptedTransportOptions } from '../../lib/testing.js';
import type { TraceEvent } from '../../lib/trace/lifecycle-event.js';
import { NS } from '../../lib/xml/index.js';
import { sessionRun, recorded } from '../support/session-run.js';
import {
  DOMAIN,
  features,
  FOOTER,
  iqError,
  mechanisms,
  opens,
  PASSWORD,
  secures,
  streamError,
} from '../support/wire.js';
import { show, tag, watchUnhandled } from '../support/wire-run.js';

const REGISTER = `<register xmlns='${NS.registerFeature}'/>`;
const ASKS = `<iq type='get' id='{get}'><query xmlns='${NS.register}'/></iq>`;
const form = (content: string) => `<iq type='result' id='{get}'><query xmlns='${NS.register}'>${content}</query></iq>`;
const LEGACY = `<instructions>Choose.</instructions><username/><password/>`;
const DATA_FORM =
  `<instructions>Use the form.</instructions><username/><x xmlns='${NS.dataForms}' type='form'><title>Join</title>` +
  `<instructions>One.</instructions><instructions>Two.</instructions>` +
  `<field type='hidden' var='FORM_TYPE'><value>${NS.register}</value></field><field type='fixed'><value>Hello</value></field>` +
  `<field type='text-single' var='username' label='Name'><required/></field>` +
  `<field type='text-private' var='password'><required/></field>` +
  `<field type='list-single' var='color'><value>red</value><option label='R'><value>red</value></option><option><value>blue</value></option></field>` +
  `<field type='boolean' var='news'/></x>`;
const sent = `<iq type='set' id='{set}'><query xmlns='${NS.register}'><username>alice</username><password>${PASSWORD.replace('&', '&amp;')}</password></query></iq>`;
const OK = `<iq type='result' id='{set}'/>`;
const ALICE = { username: 'alice', password: PASSWORD };

/** One subscription to `register` against a server that has got as far as TLS. */
class Registering {
  readonly scheduler = new VirtualTimeScheduler();
  readonly transport;
  readonly trace: TraceEvent[] = [];
  readonly told: string[] = [];
  readonly forms: RegistrationForm[] = [];
  readonly subscription: Subscription;
  error: unknown;

  constructor(
    script: Script,
    fillIn: FillIn = () => of(ALICE),
    init: ScriptedTransportOptions = {},
    secure = secures(),
  ) {
    this.transport = scriptedTransport([secure, script], init);
    this.subscription = register(
      {
        domain: DOMAIN,
        transport: this.transport,
        scheduler: this.scheduler,
        random: () => 0.5,
        trace: (event) => this.trace.push(event),
      },
      (asked) => {
        this.forms.push(asked);
        return fillIn(asked);
      },
    ).subscribe({
      next: (jid) => this.told.push(String(jid)),
      error: (error: unknown) => {
        this.error = error;
        this.told.push(tag(error));
      },
      complete: () => this.told.push('|'),
    });
  }

  flush(until = Infinity): this {
    this.scheduler.maxFrames = until;
    this.scheduler.flush();
    return this;
  }

  check(): this {
    expect({ open: this.transport.open, timers: this.scheduler.actions.length }).toEqual({ open: 0, timers: 0 });
    expect(this.trace.filter(({ type }) => ['closed', 'failed', 'cancelled'].includes(type))).toHaveLength(1);
    expect(show([this.trace, this.error])).not.toContain(PASSWORD);
    return this;
  }
}

const opened = (...then: Script): Script => [
  opens(features(REGISTER, mechanisms('PLAIN')), { secure: true, from: '' }),
  then,
];
const asked = (content = LEGACY): Script => [expects(ASKS), reply(form(content))];

describe('register (XEP-0077)', () => {
  watchUnhandled();

  it.each(['whole', 'every-byte'] as const)('asks for the form, sends it, and closes; bytes %s', (split) => {
    const run = new Registering(opened(asked(), expects(sent), reply(OK)), undefined, { split }).flush().check();
    expect(run.told).toEqual([`alice@${DOMAIN}`, '|']);
    expect(run.forms).toEqual([
      {
        instructions: 'Choose.',
        url: undefined,
        fields: [
          { name: 'username', type: 'text-single', label: undefined, required: true, values: [], options: [] },
          { name: 'password', type: 'text-private', label: undefined, required: true, values: [], options: [] },
        ],
      },
    ]);
    expect(run.transport.sent.endsWith(`</iq>${FOOTER}`)).toBe(true);
    expect(run.trace.at(-1)!.type).toBe('closed');
    run.transport.verify();
  });

  it('reads and answers a form of XEP-0004', () => {
    const submitted =
      `<iq type='set' id='{set}'><query xmlns='${NS.register}'><x xmlns='${NS.dataForms}' type='submit'>` +
      `<field type='hidden' var='FORM_TYPE'><value>${NS.register}</value></field><field var='username'><value>alice</value></field>` +
      `<field var='password'><value>secret</value></field><field var='color'><value>red</value></field>` +
      `<field var='news'><value>1</value></field></x></query></iq>`;
    const fillIn = () => of({ username: 'alice', password: 'secret', news: true });
    const run = new Registering(opened(asked(DATA_FORM), expects(submitted), reply(OK)), fillIn).flush().check();
    expect(run.told).toEqual([`alice@${DOMAIN}`, '|']);
    expect(run.forms[0]).toMatchObject({
      instructions: 'One.\nTwo.',
      fields: [
        { name: 'FORM_TYPE', type: 'hidden' },
        { name: 'username', label: 'Name', required: true },
        { name: 'password', type: 'text-private' },
        { name: 'color', values: ['red'], options: [{ value: 'red', label: 'R' }, { value: 'blue' }] },
        { name: 'news', type: 'boolean', required: false },
      ],
    });
  });

  it('a boolean is answered by 0 too, also where an answer is required (XEP-0004 section 3.3)', () => {
    const required = DATA_FORM.replace(`var='news'/>`, `var='news'><required/></field>`);
    const fillIn = () => of({ username: 'alice', password: 'secret', news: false });
    const run = new Registering(
      opened(
        asked(required),
        expects(/^<iq (?=.* id='(?<set>[^']+)').*<field var='news'><value>0<\/value>/),
        reply(OK),
      ),
      fillIn,
    );
    expect(run.flush().check().told).toEqual([`alice@${DOMAIN}`, '|']);
  });

  it.each([
    ['is cleared', { username: '', password: 'secret' }, 'username'],
    ['gets an empty list', { username: [], password: 'secret' }, 'username'],
    ['gets nothing', { username: 'alice' }, 'password'],
  ])('a required field of a form that %s is missing', (_name, values, missing) => {
    const run = new Registering(opened(asked(DATA_FORM)), () => of(values)).flush().check();
    expect([run.told, String(run.error)]).toEqual([
      ['usage missing-field (register)'],
      expect.stringContaining(missing),
    ]);
  });

  it('tells the name that the server has chosen', () => {
    const chosen = `<username>guest7</username><password/>`;
    const run = new Registering(
      opened(asked(chosen), expects(/^<iq (?=.* id='(?<set>[^']+)').*<username>guest7</), reply(OK)),
      () => of({ password: 'secret' }),
    );
    expect(run.flush().check().told).toEqual([`guest7@${DOMAIN}`, '|']);
  });

  it('tells of a page to register at', () => {
    const oob = `<instructions>There.</instructions><x xmlns='jabber:x:oob'><url>https://example.org/join</url></x>`;
    const run = new Registering(opened(asked(oob)), () => EMPTY).flush().check();
    expect(run.forms[0]).toMatchObject({ url: 'https://example.org/join', fields: [] });
    expect(run.told).toEqual(['usage not-filled-in (register)']);
  });

  it.each([
    ['conflict', 'cancel'],
    ['not-acceptable', 'modify'],
    ['not-allowed', 'cancel'],
    ['resource-constraint', 'wait'],
  ])('D13: what the server refuses is told: %s', (condition, type) => {
    const refused = new Registering(opened(asked(), expects(sent), reply(iqError('{set}', condition, type))));
    expect(refused.flush().check().told).toEqual([`stanza ${condition} (register)`]);
    const closed = new Registering(opened(expects(ASKS), reply(iqError('{get}', condition, type))));
    expect(closed.flush().check().told).toEqual([`stanza ${condition} (register)`]);
  });

  it('no password in the words of the server is repeated (A7)', () => {
    const echo = iqError('{set}', 'not-acceptable').replace(
      '</error>',
      `<text xmlns='${NS.stanzas}'>${PASSWORD.replace('&', '&amp;')} is too short</text></error>`,
    );
    const run = new Registering(opened(asked(), expects(sent), reply(echo))).flush().check();
    expect(run.told).toEqual(['stanza not-acceptable (register)']);
  });

  it('a field that is missing is told before anything is sent', () => {
    const run = new Registering(opened(asked()), () => of({ username: 'alice' })).flush().check();
    expect([run.told, run.transport.sent.includes('alice')]).toEqual([['usage missing-field (register)'], false]);
    expect(String(run.error)).toContain('password');
  });

  it('an error of whoever fills it in', () => {
    const run = new Registering(opened(asked()), () => throwError(() => new UsageError('mine', 'x'))).flush().check();
    expect(run.told).toEqual(['usage mine (register)']);
  });

  it('silence: each request has its bound', () => {
    const one = new Registering(opened(expects(ASKS), mute())).flush().check();
    const two = new Registering(opened(asked(), expects(sent), mute())).flush().check();
    expect([one.told, two.told]).toEqual([['timeout timeout (register)'], ['timeout timeout (register)']]);
  });

  it('the form may take its time; unsubscribing meanwhile gives up', () => {
    const run = new Registering(opened(asked()), () => NEVER).flush();
    expect(run.told).toEqual([]);
    expect(run.scheduler.now()).toBeLessThan(60_000);
    run.subscription.unsubscribe();
    expect([run.check().told, run.trace.at(-1)!.type]).toEqual([[], 'cancelled']);
    expect(run.transport.sent.endsWith(FOOTER)).toBe(true);
  });

  it('the end of the stream meanwhile is told', () => {
    const script = opened(expects(ASKS), reply(streamError('policy-violation') + FOOTER), end());
    expect(new Registering(script).flush().check().told).toEqual(['stream policy-violation (register) remote']);
  });

  it('asks nothing, and sends no password, without TLS', () => {
    const plain = opens(features(REGISTER));
    const run = new Registering([expects(/starttls/), reply(`<failure xmlns='${NS.tls}'/>`)], undefined, {}, plain);
    expect(run.flush().check().told).toEqual(['tls tls-unavailable (starttls)']);
    expect(run.transport.sent).not.toContain(NS.register);
  });
});

describe('with a session', () => {
  watchUnhandled();
  const ID = `id='{id}'`;
  const change = `<iq type='set' ${ID} to='${DOMAIN}'><query xmlns='${NS.register}'><username>alice</username><password>n3w</password></query></iq>`;
  const remove = `<iq type='set' ${ID}><query xmlns='${NS.register}'><remove/></query></iq>`;

  it.each([
    ['changePassword', change, DOMAIN],
    ['cancelRegistration', remove, undefined],
  ] as const)('%s completes once the server has done it, and tells what it refuses', (name, hears, from) => {
    const answer = from ? ` from='${from}'` : '';
    const run = sessionRun([
      ...[expects(hears), reply(`<iq type='result' ${ID}${answer}/>`)],
      ...[
        expects(hears.replaceAll('{id}', '{two}')),
        reply(iqError('{two}', 'not-allowed').replace('<iq', `<iq${answer}`)),
      ],
    ]);
    const { log, observer } = recorded(run);
    const ask = () =>
      name === 'changePassword' ? changePassword(run.session, 'n3w') : cancelRegistration(run.session);
    ask().subscribe(observer);
    run.flush(0);
    ask().subscribe(observer);
    run.flush(0);
    expect(log).toEqual(['0 |', '0 # StanzaError not-allowed (online)']);
    expect(show(log)).not.toContain('n3w');
    run.transport.verify();
    run.unsubscribe().check();
  });
});
