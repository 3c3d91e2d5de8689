import type { FaultPhase, ServerFault } from '../../../lib/testing.js';
import { b64, HEADER, TestPipe, testServer } from '../support/test-pipe.js';

const SASL = `xmlns='urn:ietf:params:xml:ns:xmpp-sasl'`;
const SM = `xmlns='urn:xmpp:sm:3'`;
const BIND = `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>`;
const ID = '0'.repeat(32);

/** What a client sends up to and in each phase, and what it gets without a fault. */
const STEPS: [phase: FaultPhase, sent: string, answered: RegExp, nth?: number][] = [
  ['connect', '', /^$/],
  ['header', HEADER, /^<\?xml.*<starttls.*<\/stream:features>$/],
  ['features', '', /^$/],
  ['starttls', `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`, /^<proceed /],
  ['tls', '', /^$/],
  ['features', HEADER, /<mechanisms/, 2],
  ['sasl', `<auth ${SASL} mechanism='PLAIN'/>`, /^<challenge/, 1],
  ['sasl', `<response ${SASL}>${b64('\0alice\0wonder')}</response>`, /^<success/, 2],
  ['features', HEADER, /<bind/, 3],
  ['resume', `<resume ${SM} previd='x' h='0'/>`, /^<failed/],
  ['bind', BIND, /<jid>/],
  [
    'session',
    `<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>`,
    /^<iq type='result' id='s'/,
  ],
  ['enable', `<enable ${SM} resume='true'/>`, /^<enabled/],
  ['ack', `<r ${SM}/>`, /^<a /],
  ['online', `<message to='echo@example.org'><body>x</body></message>`, /<body>x/],
  ['iq', `<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>`, /^<iq type='result' id='p'/],
  ['close', '</stream:stream>', /^<\/stream:stream>$/],
];

/** Plays the steps and tells what was answered, up to where nothing more can be sent. */
function play(fault: ServerFault, after?: (ms: (ms: number) => void, pipe: TestPipe) => void) {
  const world = testServer({ tls: 'required', faults: [fault] });
  const pipe = world.connect({ tls: 'starttls-available' });
  const answers: string[] = [];
  for (const [, sent] of STEPS) {
    if (sent) pipe.send(sent);
    after?.(world.pass, pipe);
    answers.push(pipe.take());
  }
  return { ...world, pipe, answers };
}

describe('faults', () => {
  it('do nothing to who has none', () => {
    const { answers } = play({ at: 'online', do: 'mute', only: () => false });
    STEPS.forEach(([, , answered], index) => expect(answers[index]).toMatch(answered));
  });

  describe.each(STEPS)('at %s', (phase, _sent, answered, nth) => {
    const index = STEPS.findIndex(([one, , , which]) => one === phase && which === nth);
    const heard = (fault: ServerFault) => play(fault);
    const at = { at: phase, ...(nth ? { nth } : phase === 'features' ? { nth: 1 } : {}) } as const;

    it('mute: not a word more, and the connection stays', () => {
      const { answers, pipe, server } = heard({ ...at, do: 'mute' });
      for (const answer of answers.slice(index + 1)) expect(answer).toBe('');
      expect(
        answers.slice(0, index).every((answer, before) => STEPS[before]![2].test(answer) || phase === 'features'),
      ).toBe(true);
      expect([pipe.ended, pipe.destroyed]).toEqual([false, false]);
      expect(server.connections).toBe(1);
      pipe.close();
      expect(server.connections).toBe(0);
    });

    it('cut: the connection is gone', () => {
      const { pipe, server, answers } = heard({ ...at, do: 'cut' });
      expect([pipe.ended, pipe.destroyed]).toEqual([false, true]);
      expect(server.connections).toBe(0);
      expect(answers.slice(index + 1).join('')).toBe('');
    });

    it('end: our side is ended, without a footer', () => {
      const { pipe, answers } = heard({ ...at, do: 'end' });
      expect(pipe.ended).toBe(true);
      expect(answers.join('')).not.toContain('</stream:stream>');
    });

    it('say: something else', () => {
      const { answers } = heard({ ...at, do: 'say', text: '<surprise/>' });
      expect(answers.join('')).toContain('<surprise/>');
    });

    it('delay: the answer comes late, and is the same', () => {
      const early: string[] = [];
      const { answers } = play({ ...at, do: 'delay', ms: 100 }, (pass, pipe) => {
        early.push(pipe.output);
        pass(100);
      });
      answers.forEach((answer, step) => {
        if (STEPS[step]![0] !== 'connect') expect(answer).toMatch(STEPS[step]![2]);
      });
      if (answered.source !== '^$') expect(early.every((answer, step) => STEPS[step]![2].test(answer))).toBe(false);
    });
  });

  it.each([
    ['header', 'resource-constraint', /<stream:error.*<resource-constraint .*<\/stream:stream>$/],
    ['features', undefined, /<internal-server-error .*<\/stream:stream>$/],
    ['starttls', undefined, /^<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'\/><\/stream:stream>$/],
    ['sasl', 'temporary-auth-failure', new RegExp(`^<failure ${SASL}><temporary-auth-failure/></failure>$`)],
    ['sasl', undefined, new RegExp(`^<failure ${SASL}><not-authorized/></failure>$`)],
    ['resume', 'unexpected-request', /^<failed xmlns='urn:xmpp:sm:3'><unexpected-request /],
    ['bind', 'conflict', /^<iq type='error' id='b'><error type='cancel'><conflict /],
    ['bind', 'resource-constraint', /^<iq type='error' id='b'><error type='wait'><resource-constraint /],
    ['session', undefined, /<iq type='error' id='s' .*<internal-server-error /],
    ['enable', undefined, /^<failed xmlns='urn:xmpp:sm:3'><internal-server-error /],
    ['iq', 'item-not-found', /<iq type='error' id='p' .*<item-not-found /],
    ['online', 'policy-violation', /<policy-violation .*<\/stream:stream>$/],
  ] as const)('refuse at %s with %s', (phase, condition, answered) => {
    const { answers } = play({ at: phase, do: 'refuse', condition });
    expect(answers[STEPS.findIndex(([one]) => one === phase)] || answers.find((answer) => answer)).toMatch(answered);
  });

  it('refuse a connection', () => {
    expect(play({ at: 'connect', do: 'refuse' }).pipe.destroyed).toBe(true);
  });

  it('drop one answer and go on', () => {
    const { answers } = play({ at: 'iq', do: 'drop' });
    const index = STEPS.findIndex(([phase]) => phase === 'iq');
    expect(answers[index]).toBe('');
    expect(answers[index + 1]).toBe('</stream:stream>');
  });

  it('keep the order of what comes behind a delay', () => {
    const world = testServer({ faults: [{ at: 'online', nth: 1, do: 'delay', ms: 10 }] });
    const pipe = world.bind('alice', 'desk');
    pipe.send(
      `<message to='echo@example.org'><body>1</body></message><message to='echo@example.org'><body>2</body></message>`,
    );
    pipe.send(`<message to='echo@example.org'><body>3</body></message>`);
    expect(pipe.take()).toBe('');
    world.pass(10);
    expect([...pipe.take().matchAll(/<body>(.)/g)].map(([, body]) => body)).toEqual(['1', '2', '3']);
  });

  it('drop what a delay held back once the session goes on over another stream', () => {
    const world = testServer({ faults: [{ at: 'online', do: 'delay', ms: 10, times: 1 }] });
    const message = `<message to='echo@example.org'><body>1</body></message>`;
    const received: string[] = [];
    world.server.received$.subscribe(({ stanza }) => received.push(stanza.name));
    world.bind('alice', 'desk').send(`<enable ${SM} resume='true'/>`).send(message);
    const again = world.authenticate('alice').send(`<resume ${SM} previd='${ID}' h='0'/>`);
    expect(again.take()).toContain("h='0'");
    again.send(message);
    world.pass(20);
    expect(received).toEqual(['message']);
    expect(again.send(`<r ${SM}/>`).take()).toContain(`<a ${SM} h='1'/>`);
  });

  it('strike as often as they may, whom they may, and until taken away', () => {
    const world = testServer();
    const refuse = { at: 'sasl', do: 'refuse' } as const;
    const attempt = (account = 'alice') => {
      try {
        world.bind(account, `r${world.server.accepted}`);
        return true;
      } catch {
        return false;
      }
    };
    world.server.fault({ ...refuse, times: 2 });
    expect([attempt(), attempt(), attempt()]).toEqual([false, false, true]);
    const remove = world.server.fault(refuse);
    expect(attempt()).toBe(false);
    remove();
    expect(attempt()).toBe(true);
    world.server.fault({ at: 'bind', do: 'mute', only: ({ account }) => account === 'bob' });
    expect([attempt(), attempt('bob')]).toEqual([true, false]);
    world.server.clearFaults();
    expect(attempt('bob')).toBe(true);
    world.server.fault({ ...refuse, only: ({ id }) => id % 2 === 0 });
    expect([attempt(), attempt(), attempt()].filter(Boolean)).toHaveLength(world.server.accepted % 2 === 1 ? 2 : 1);
  });

  describe('at an octet', () => {
    const sent = HEADER + `<auth ${SASL} mechanism='PLAIN'>${b64('\0alice\0wonder')}</auth>`;

    it.each(['cut', 'mute'] as const)('of what is received: %s', (what) => {
      for (let octet = 0; octet <= sent.length; octet++) {
        const { server, connect } = testServer({ faults: [{ at: { received: octet }, do: what }] });
        const pipe = connect().send(sent).send(HEADER);
        expect(pipe.destroyed).toBe(what === 'cut');
        expect(pipe.output.includes('<success')).toBe(octet === sent.length);
        expect(pipe.output.includes('<bind')).toBe(false);
        expect(server.connections).toBe(what === 'cut' ? 0 : 1);
      }
    });

    it.each(['cut', 'mute'] as const)('of what is sent: %s', (what) => {
      const whole = testServer().connect().send(sent).output;
      for (let octet = 0; octet <= whole.length; octet++) {
        const { connect } = testServer({ faults: [{ at: { sent: octet }, do: what }] });
        const pipe = connect().send(sent).send(HEADER);
        expect(pipe.output).toBe(whole.slice(0, octet));
        expect(pipe.destroyed).toBe(what === 'cut');
      }
    });

    it('even within a character', () => {
      const { connect } = testServer({
        faults: [
          { at: { sent: 3 }, do: 'cut' },
          { at: 'connect', do: 'say', text: 'aäb' },
        ],
      });
      expect(connect().output).toBe('aä');
      const other = testServer({
        faults: [
          { at: { sent: 2 }, do: 'cut' },
          { at: 'connect', do: 'say', text: 'aäb' },
        ],
      });
      expect(other.connect().output).toBe('a\ufffd');
    });
  });

  it('lose the session, which can be resumed', () => {
    const world = testServer({ faults: [{ at: 'online', nth: 2, do: 'cut' }] });
    const pipe = world.bind('alice', 'desk').send(`<enable ${SM} resume='true'/>`);
    pipe.send('<message/><message/>');
    expect(pipe.destroyed).toBe(true);
    const again = world.authenticate('alice').send(`<resume ${SM} previd='${ID}' h='0'/>`);
    expect(again.take()).toContain('<resumed');
  });
});
