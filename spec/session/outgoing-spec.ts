import { Subscriber } from 'rxjs';
import { StanzaError } from '../../lib/errors/index.js';
import { Outgoing, type Delivery, type Undelivered } from '../../lib/session/delivery.js';
import { NS, xml } from '../../lib/xml/index.js';

const cause = new StanzaError({ condition: 'session-lost' });
const AT = Date.UTC(2002, 8, 10, 23, 8, 25);
const message = xml('message', { to: 'bob@example.org' }, xml('body', {}, 'x'));

/** A stanza whose delivery nobody follows. */
function unfollowed(stanza = message) {
  const losses: Undelivered[] = [];
  return { losses, outgoing: new Outgoing(stanza, AT, undefined, { next: (loss) => losses.push(loss) }) };
}

function followed() {
  const told: string[] = [];
  const losses: Undelivered[] = [];
  const observer = new Subscriber<Delivery>({
    next: ({ state }) => told.push(state),
    error: (error: StanzaError) => told.push(error.condition),
    complete: () => told.push('complete'),
  });
  return {
    told,
    losses,
    observer,
    outgoing: new Outgoing(message, AT, observer, { next: (loss) => losses.push(loss) }),
  };
}

describe('a stanza on its way', () => {
  it.each<[string, (outgoing: Outgoing) => void]>([
    ['acknowledged', (outgoing) => outgoing.acknowledged()],
    ['written, where nothing more is to come', (outgoing) => outgoing.written(true)],
    ['filtered', (outgoing) => outgoing.filtered()],
    ['withdrawn', (outgoing) => outgoing.withdrawn()],
    ['lost', (outgoing) => outgoing.lost(cause)],
  ])('that is %s has settled, and nothing is told of it any more', (how, settle) => {
    const { losses, outgoing } = unfollowed();
    expect(outgoing.settled).toBe(false);
    settle(outgoing);
    expect(outgoing.settled).toBe(true);
    const before = losses.length;
    outgoing.lost(cause);
    expect(losses).toHaveLength(before);
    expect(before).toBe(how === 'lost' ? 1 : 0);
  });

  it('that is lost is not acknowledged or filtered later', () => {
    const { told, outgoing } = followed();
    outgoing.lost(cause);
    outgoing.acknowledged();
    outgoing.filtered();
    expect(told).toEqual(['delivery-failed']);
  });

  it('is queued and written once, though it is resent', () => {
    const { told, outgoing } = followed();
    outgoing.queued();
    outgoing.written(false);
    outgoing.queued();
    outgoing.written(false);
    expect(told).toEqual(['queued', 'written']);
    expect(outgoing.settled).toBe(false);
    outgoing.acknowledged();
    expect(told).toEqual(['queued', 'written', 'acked', 'complete']);
  });

  it('says of a loss whether it may have arrived, and why', () => {
    const said = [false, true].map((handedOver) => {
      const { losses, outgoing } = unfollowed();
      outgoing.handedOver = handedOver;
      outgoing.lost(cause);
      expect(losses[0]).toMatchObject({ stanza: message, error: { type: 'wait', cause } });
      return losses[0]!.error.message;
    });
    expect(said[0]).toMatch(/^delivery-failed.*never sent/);
    expect(said[1]).toMatch(/^delivery-unknown.*known to have arrived/);
  });

  it('tells of its loss where nobody follows it any more', () => {
    const { told, losses, observer, outgoing } = followed();
    observer.unsubscribe();
    outgoing.lost(cause);
    expect(told).toEqual([]);
    expect(losses).toHaveLength(1);
  });

  it.each([
    ['a stanza', message],
    ['one that names its namespace', xml('message', { xmlns: NS.client, to: 'bob@example.org' }, 'text', xml('a'))],
  ])('is marked once with when it was sent (XEP-0203): %s', (_, stanza) => {
    const { outgoing } = unfollowed(stanza);
    outgoing.delay();
    outgoing.delay();
    const { name, attrs, xmlns, children } = outgoing.stanza;
    expect([name, attrs, xmlns]).toEqual([stanza.name, stanza.attrs, stanza.xmlns]);
    expect(children.slice(0, -1)).toEqual(stanza.children);
    expect(String(children.at(-1))).toBe(`<delay xmlns='${NS.delay}' stamp='2002-09-10T23:08:25.000Z'/>`);
  });

  it('keeps the mark of another hand', () => {
    const marked = xml('message', {}, xml('delay', { xmlns: NS.delay, stamp: '2001-01-01T00:00:00Z' }));
    const { outgoing } = unfollowed(marked);
    outgoing.delay();
    expect(outgoing.stanza).toBe(marked);
  });
});
