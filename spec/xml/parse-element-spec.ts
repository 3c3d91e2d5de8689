import { xml } from '../../lib/xml/index.js';
import { parseElement } from '../../lib/xml/parse-element.js';
import { serialize } from '../../lib/xml/serialize.js';

describe('parseElement', () => {
  it.each([
    ['a stanza', xml('message', { to: 'a@b' }, xml('body', {}, 'hi & bye'))],
    ['of another namespace', xml('query', { xmlns: 'urn:example' }, xml('item'))],
    ['of characters with three octets', xml('body', {}, '\u20ac'.repeat(400_000))],
  ])('reads what serialize has written: %s', (_, element) => {
    const read = parseElement(serialize(element));
    expect(read && serialize(read)).toBe(serialize(element));
  });

  it('reads an element of a client’s stream', () => {
    expect(parseElement('<message/>')).toMatchObject({ name: 'message', xmlns: 'jabber:client' });
  });

  it.each([
    ['nothing', ''],
    ['text', 'hi'],
    ['two', '<a/><b/>'],
    ['half of one', '<a>'],
    ['one and half of another', '<a/><b'],
    ['one with a fault behind it', '<a/><!-- -->'],
    ['a footer', '</stream:stream>'],
    ['one and a footer', '<a/></stream:stream>'],
  ])('and nothing else: %s', (_, text) => {
    expect(parseElement(text)).toBeUndefined();
  });
});
