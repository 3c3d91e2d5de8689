import { VirtualTimeScheduler } from 'rxjs';
import { StanzaError } from '../../lib/errors/index.js';
import { jid } from '../../lib/jid/index.js';
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
      .request(index % 2 === 0 ? 'get' : 'set', query, 'bob@example.org', due, ({ attrs }) => ids.push(attrs.id!))
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
    const { scheduler, iqs, told } = asked(7, Infinity, 3);
    scheduler.flush();
    expect(told).toEqual(['2 timeout 3', '0 timeout 7']);
    expect([scheduler.actions.length, iqs.size]).toEqual([0, 1]);
  });

  it('holds no timer once nothing is pending', () => {
    const { scheduler, iqs } = asked(5, 9);
    iqs.fail(error);
    expect([scheduler.actions.length, iqs.size]).toEqual([0, 0]);
  });

  it('settles a request that is not to be sent, of either type, and nothing else with its id', () => {
    const { scheduler, iqs, ids, told } = asked(5, 5, 5);
    iqs.reject(xml('message', { id: ids[0], type: 'get' }), error);
    iqs.reject(xml('iq', { id: ids[0], type: 'result' }), error);
    iqs.reject(xml('iq', { type: 'get' }), error);
    expect(told).toEqual([]);
    iqs.reject(xml('iq', { id: ids[0], type: 'get' }), error);
    iqs.reject(xml('iq', { id: ids[1], type: 'set' }), error);
    expect(told).toEqual(['0 filtered 0', '1 filtered 0']);
    scheduler.flush();
    expect(told).toHaveLength(3);
  });
});
