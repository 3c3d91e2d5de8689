import { readDer, readOid } from '../../../lib/transport/node/der.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('readDer', () => {
  it.each<[string, string, [number, string][]]>([
    ['nothing', '', []],
    ['an empty element', '0500', [[0x05, '']]],
    [
      'two elements',
      '0201 05 0402 aabb',
      [
        [0x02, '05'],
        [0x04, 'aabb'],
      ],
    ],
    ['a length of two octets', `0481 80 ${'00'.repeat(128)}`, [[0x04, '00'.repeat(128)]]],
    ['a length of five octets', '0484 00000001 aa', [[0x04, 'aa']]],
    ['a length of three octets', `0482 0100 ${'00'.repeat(256)}`, [[0x04, '00'.repeat(256)]]],
  ])('%s', (_, bytes, expected) => {
    expect(readDer(hex(bytes)).map(({ tag, content }) => [tag, Buffer.from(content).toString('hex')])).toEqual(
      expected,
    );
  });

  it.each([
    ['no length', '04'],
    ['too little content', '0402 00'],
    ['a length that is cut', '0482 01'],
    ['the indefinite form', '0480 0000'],
    ['the indefinite form, with as much behind it', `0480 ${'00'.repeat(128)}`],
    ['a length of six octets', '0485 0000000001 00'],
    ['a length of 4 GiB', '0484 ffffffff 00'],
  ])('throws at %s', (_, bytes) => {
    expect(() => readDer(hex(bytes))).toThrow(RangeError);
  });
});

it.each([
  ['2a864886f70d01010b', '1.2.840.113549.1.1.11'],
  ['551d11', '2.5.29.17'],
  ['2b06010505070805', '1.3.6.1.5.5.7.8.5'],
  ['883703', '2.999.3'],
  ['', '0.0'],
])('readOid: %s is %s', (bytes, expected) => {
  expect(readOid(hex(bytes))).toBe(expected);
});
