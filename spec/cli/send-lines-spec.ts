import { PassThrough } from 'node:stream';
import { NEVER, of, Subject, throwError, type Observable } from 'rxjs';
import type { Reporter } from '../../lib/cli/report/reporter.js';
import { LineSender } from '../../lib/cli/send-lines.js';
import { StanzaError } from '../../lib/errors/index.js';
import type { Delivery } from '../../lib/session/delivery.js';
import type { XmlElement } from '../../lib/xml/index.js';

/** A sender of lines over a client that delivers so, and what it told. */
function sending(deliver: (stanza: XmlElement) => Observable<Delivery>) {
  const told: string[] = [];
  const bodyOf = (stanza: XmlElement) => stanza.child('body')!.text();
  const reporter = {
    delivery: () => undefined,
    delivered: ({ stanza, state }: Delivery) => told.push(`${bodyOf(stanza)} ${state}`),
    undelivered: (stanza: XmlElement, error: StanzaError) => told.push(`${bodyOf(stanza)} ${error.condition}`),
  } as unknown as Reporter;
  const sender = new LineSender({ deliver }, 'bob@example.org', reporter);
  const input = new PassThrough();
  const subscription = sender.sendAll(input).subscribe();
  return { sender, input, told, subscription };
}

/** Streams hand on what was written in later turns. */
const settled = async () => {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
};

describe('LineSender', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is done with the end of the input where all is settled', async () => {
    const { sender, input, told, subscription } = sending((stanza) => of({ state: 'acked', stanza }));
    input.end('one\ntwo');
    await settled();
    expect(told).toEqual(['one acked', 'two acked']);
    expect(subscription.closed).toBe(true);
    expect(sender.failures).toBe(0);
  });

  it('counts and tells what fails, and goes on', async () => {
    const lost = new StanzaError({ condition: 'delivery-unknown' });
    const { sender, input, told } = sending((stanza) =>
      stanza.child('body')?.text() === 'one' ? throwError(() => lost) : of({ state: 'acked', stanza }),
    );
    input.end('one\ntwo\n');
    await settled();
    expect(told).toEqual(['one delivery-unknown', 'two acked']);
    expect(sender.failures).toBe(1);
  });

  it.each([
    ['has ended', (input: PassThrough) => void input.end()],
    ['is gone', (input: PassThrough) => void input.destroy()],
  ])('gives what is on its way ten seconds once the input %s, and says what was not acknowledged', async (_, end) => {
    const acknowledged$ = new Subject<Delivery>();
    const { sender, input, told } = sending((stanza) =>
      stanza.child('body')?.text() === 'one' ? acknowledged$ : NEVER,
    );
    input.write('one\ntwo\n');
    await settled();
    end(input);
    await settled();
    jest.advanceTimersByTime(9_999);
    expect(told).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(told).toEqual(['one delivery-unknown', 'two delivery-unknown']);
    expect(sender.failures).toBe(2);
    expect(acknowledged$.observed).toBe(false);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('says so too when it is let go', async () => {
    const { sender, input, told, subscription } = sending(() => NEVER);
    input.write('one\n');
    await settled();
    subscription.unsubscribe();
    expect(told).toEqual(['one delivery-unknown']);
    expect(sender.failures).toBe(1);
  });
});
