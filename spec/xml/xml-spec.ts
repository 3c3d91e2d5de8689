import { UsageError } from '../../lib/errors/usage-error.js';
import { xml } from '../../lib/xml/xml.js';
import { XmlElement } from '../../lib/xml/xml-element.js';

describe('xml', () => {
  it('builds an element', () => {
    const element = xml('message', { to: 'bob', xmlns: 'jabber:client' }, xml('body', null, 'hello'));
    expect(element).toBeInstanceOf(XmlElement);
    expect([element.name, element.xmlns, { ...element.attrs }]).toEqual(['message', 'jabber:client', { to: 'bob' }]);
    expect(element.children).toHaveLength(1);
    expect(element.child('body')!.text()).toBe('hello');
  });

  it('writes numbers and booleans, and leaves out what is absent', () => {
    const element = xml('a', { n: 1, t: true, f: false, u: undefined, z: null, e: '' });
    expect({ ...element.attrs }).toEqual({ n: '1', t: 'true', f: 'false', e: '' });
  });

  it('flattens content, joins texts and leaves out what is absent', () => {
    const b = xml('b');
    const element = xml('a', {}, 'x', 1, [0, ['y', b]], null, undefined, false, '', [], 'z', ['w']);
    expect(element.children).toEqual(['x10y', b, 'zw']);
  });

  it.each([[{}], [new Date(0)], [true], [() => 1], [Symbol('x')], [{ children: [] }]])(
    'refuses %p as content',
    (content) => {
      expect(() => xml('a', {}, content as never)).toThrow(UsageError);
      expect(() => xml('a', {}, ['x', content as never])).toThrow(/bad-content/);
    },
  );

  it('takes nothing from prototypes', () => {
    const { attrs } = xml('a', { b: '' });
    expect([attrs.constructor, attrs.toString, attrs.__proto__, 'hasOwnProperty' in attrs]).toEqual([
      undefined,
      undefined,
      undefined,
      false,
    ]);
    expect(xml('a').attrs.constructor).toBeUndefined();
    const inherited = Object.create({ inherited: '1' }) as Record<string, string>;
    inherited.own = '2';
    expect({ ...xml('a', inherited).attrs }).toEqual({ own: '2' });
  });

  it('keeps xmlns among the attributes only to say: in no namespace', () => {
    expect({ ...xml('a', { xmlns: 'u', b: 1 }).attrs }).toEqual({ b: '1' });
    expect(xml('a', { xmlns: '' })).toMatchObject({ xmlns: '', attrs: { xmlns: '' } });
    expect(`${xml('a', { xmlns: '' })}`).toBe('<a/>');
  });

  it.each([undefined, null])('takes xmlns: %p for none', (xmlns) => {
    expect([xml('a', { xmlns }).xmlns, 'xmlns' in xml('a', { xmlns }).attrs]).toEqual(['', false]);
  });
});

describe('XmlElement', () => {
  const element = xml(
    'a',
    { xmlns: 'urn:a' },
    '1',
    xml('b', { n: 1 }),
    '2',
    xml('b', { n: 2, xmlns: 'urn:b' }),
    xml('b', { n: 3, xmlns: '' }),
    xml('c', {}, xml('b', { n: 4 })),
  );
  const numbers = (found: (XmlElement | undefined)[]) => found.map((each) => each?.attrs.n);

  it('text() joins its own text', () => {
    expect(element.text()).toBe('12');
    expect(xml('a', {}, 'x').text()).toBe('x');
    expect(xml('a', {}, xml('b', {}, 'x')).text()).toBe('');
    expect(xml('a').text()).toBe('');
  });

  it('child() finds the first by name and namespace', () => {
    expect(numbers([element.child('b'), element.child('b', 'urn:b'), element.child('b', 'urn:a')])).toEqual([
      '1',
      '2',
      '1',
    ]);
    expect(numbers([element.child('b', ''), element.child('b', 'urn:c'), element.child('d')])).toEqual([
      '1',
      undefined,
      undefined,
    ]);
  });

  it('childrenOf() finds all by name and namespace', () => {
    expect(numbers(element.childrenOf('b'))).toEqual(['1', '2', '3']);
    expect(numbers(element.childrenOf('b', 'urn:a'))).toEqual(['1']);
    expect(numbers(element.childrenOf('b', 'urn:b'))).toEqual(['2']);
    expect(element.childrenOf('d')).toEqual([]);
  });

  it('is() compares name and namespace', () => {
    expect([element.is('a'), element.is('a', 'urn:a'), element.is('a', ''), element.is('b')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
