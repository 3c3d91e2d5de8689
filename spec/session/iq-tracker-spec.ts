import { noop, VirtualTimeScheduler } from 'rxjs';
import { StanzaError } from '../../lib/errors/index.js';
import { jid } from '../../lib/jid/index.js';
import { Outgoing } from '../../lib/session/delivery.js';
import { IqTracker } from '../../lib/session/iq-tracker.js';
import { xml } from '../../lib/xml/index.js';

const OWN = jid('alice@example.org/desk');
const query = xml('query', { xmlns: 'jabber:iq:version' });
const error = new StanzaError({ condition: 'filtered' });

/** Requests with these bounds, in milliseconds, to one addressee: what becomes of them, and when. */
function asked(...bounds: number[]) {
  const scheduler = new VirtualTimeScheduler();
  const iqs = new IqTracker(scheduler, () => 0.123456789);
  const ids: string[] = [];
  const told: string[] = [];
  for (const [index, due] of bounds.entries())
    iqs
      .request(index % 2 === 0 ? 'get' : 'set', query, 'bob@example.org', due, (iq) => {
        ids.push(iq.attrs.id!);
        return new Outgoing(iq, 0, undefined);
      })
      .subscribe({
        next: () => told.push(`${index} answered`),
        error: ({ condition }: StanzaError) => told.push(`${index} ${condition} ${scheduler.now()}`),
      });
  const answer = (index: number) =>
    iqs.settle(xml('iq', { type: 'result', id: ids[index], from: 'bob@example.org' }), OWN);
  return { scheduler, iqs, ids, told, answer };
}

describe('IqTracker', () => {
  it('names requests by a prefix of the generator, and counts them', () => {
    const { ids } = asked(5, 5, 5);
    expect(ids.map((id) => id.slice(0, 16))).toEqual(Array(3).fill(ids[0]!.slice(0, 16)));
    expect(ids.map((id) => id.slice(16))).toEqual(['0', '1', '2']);
    expect(ids[0]).toMatch(/^[a-z0-9]{17}$/);
  });

  it.each([NaN, 0, -1, 2 ** 31])('%d is no bound: nothing is sent, and the others keep theirs', (due) => {
    const { scheduler, ids, told } = asked(5, due, 2 ** 31 - 1, Infinity);
    expect([ids.length, told]).toEqual([3, ['1 bad-option 0']]);
    scheduler.maxFrames = 10;
    scheduler.flush();
    expect(told.slice(1)).toEqual(['0 timeout 5']);
  });

  it.each([
    ['the first', 0, ['0 answered', '1 timeout 5', '2 timeout 5']],
    ['one in the midst', 1, ['1 answered', '0 timeout 5', '2 timeout 5']],
    ['the last', 2, ['2 answered', '0 timeout 5', '1 timeout 5']],
  ])('%s is answered, and the others time out all the same', (_, which, outcome) => {
    const { scheduler, told, answer } = asked(5, 5, 5);
    expect(answer(which)).toBe(true);
    expect(answer(which)).toBe(false);
    scheduler.flush();
    expect(told).toEqual(outcome);
  });

  it('each by its own bound, and none without one', () => {
    const { scheduler, told, answer } = asked(7, Infinity, 3);
    scheduler.flush();
    expect(told).toEqual(['2 timeout 3', '0 timeout 7']);
    expect(scheduler.actions).toHaveLength(0);
    expect(answer(1)).toBe(true);
  });

  it('holds no timer once nothing is pending', () => {
    const { scheduler, iqs } = asked(5, 9);
    iqs.fail(error);
    expect(scheduler.actions).toHaveLength(0);
  });

  it('settles those that are meant, and nothing else', () => {
    const { scheduler, iqs, ids, told } = asked(5, 5, 5);
    iqs.fail(error, () => false);
    expect(told).toEqual([]);
    iqs.fail(error, (id) => id !== ids[2]);
    expect(told).toEqual(['0 filtered 0', '1 filtered 0']);
    scheduler.flush();
    expect(told).toHaveLength(3);
  });

  it('withdraws a request in the end, whatever becomes of it', () => {
    const scheduler = new VirtualTimeScheduler();
    const iqs = new IqTracker(scheduler, () => 0.123456789);
    const sent: Outgoing[] = [];
    const request = () =>
      iqs
        .request('get', query, 'bob@example.org', 5, (iq) => {
          sent.push(new Outgoing(iq, 0, undefined));
          return sent.at(-1)!;
        })
        .subscribe({ error: noop });
    const settled = () => sent.map((outgoing) => outgoing.settled);
    const [, , forgotten] = [request(), request(), request(), request()];
    iqs.settle(xml('iq', { type: 'result', id: sent[0]!.stanza.attrs.id, from: 'bob@example.org' }), OWN);
    iqs.fail(error, (id) => id === sent[1]!.stanza.attrs.id);
    forgotten.unsubscribe();
    expect(settled()).toEqual([true, true, true, false]);
    scheduler.flush();
    expect(settled()).toEqual([true, true, true, true]);
  });

  it('a thousand with bounds of every length fall due in time, each with no other', () => {
    const bounds = Array.from({ length: 1_000 }, (_, index) => ((index * 37) % 101) + 1);
    const { scheduler, told } = asked(...bounds);
    scheduler.flush();
    const expected = bounds.map((due, index) => ({ due, index })).sort((a, b) => a.due - b.due);
    expect(told).toEqual(expected.map(({ due, index }) => `${index} timeout ${due}`));
  });

  it.each([-3_600_000, -5_000, 5_000, 3_600_000])('a clock that jumps by %i ms puts nothing off', (by) => {
    const { scheduler, iqs } = asked();
    let offset = 0;
    scheduler.now = () => scheduler.frame + offset;
    const late: number[] = [];
    let pending = 0;
    const ask = (due: number) => {
      const { frame } = scheduler;
      pending++;
      iqs
        .request('get', query, undefined, due, (iq) => new Outgoing(iq, 0, undefined))
        .subscribe({ error: () => late.push(scheduler.frame - frame - due), complete: noop })
        .add(() => pending--);
    };
    const flush = (until: number) => {
      scheduler.maxFrames = until;
      scheduler.flush();
      scheduler.frame = until;
    };
    for (const due of [30_000, 60_000, 20_000]) ask(due);
    flush(10_000);
    offset = by;
    for (const at of [20_000, 30_500, 70_000]) {
      flush(at);
      ask(30_000);
    }
    flush(100_000);
    expect(pending).toBe(0);
    expect(Math.max(...late)).toBeLessThanOrEqual(0);
  });
});
