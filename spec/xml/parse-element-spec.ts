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

  it('says that an element is in no namespace only where its parent is in one', () => {
    const read = parseElement(`<a><b xmlns=''><c/></b></a>`)!;
    const b = read.child('b', '')!;
    expect([read, b, b.child('c')!].map(({ xmlns, attrs }) => [xmlns, { ...attrs }])).toEqual([
      ['jabber:client', {}],
      ['', { xmlns: '' }],
      ['', {}],
    ]);
  });

  it.each([
    ['nothing', ''],
    ['white space', ' '],
    ['two', '<a/><b/>'],
  ])('and nothing else: %s', (_, text) => {
    expect(parseElement(text)).toBeUndefined();
  });

  it.each([
    ['text', 'hi', 'bad-format'],
    ['half of one', '<a>', 'not-well-formed'],
    ['one and half of another', '<a/><b', 'not-well-formed'],
    ['one with a fault behind it', '<a/><!-- -->', 'restricted-xml'],
    ['a footer', '</stream:stream>', 'not-well-formed'],
    ['one and a footer', '<a/></stream:stream>', 'not-well-formed'],
  ])('and says what is wrong: %s', (_, text, condition) => {
    expect(() => parseElement(text)).toThrow(expect.objectContaining({ name: 'StreamError', condition }));
  });
});
