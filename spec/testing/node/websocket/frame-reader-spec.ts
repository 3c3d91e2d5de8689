import { FrameReader } from '../../../../lib/testing/node/websocket/frame-reader.js';
import { closeFrame, frame, Opcode } from '../../../../lib/testing/node/websocket/frame.js';
import { clientFrame } from '../../support/client-frame.js';

/** Everything that is told of these octets, in order. */
function read(octets: Buffer, cuts: readonly number[] = [], max?: number): string[] {
  const log: string[] = [];
  const reader = new FrameReader(
    {
      text: (message) => log.push(`text ${message}`),
      ping: (payload) => log.push(`ping ${Buffer.from(payload).toString()}`),
      close: (code) => log.push(`close ${code}`),
      error: (code, reason) => log.push(`error ${code}: ${reason}`),
    },
    max,
  );
  const ends = [...cuts, octets.length];
  // Each piece is a copy, as from a socket: nothing may be unmasked in what the next piece is cut from.
  ends.forEach((end, i) => reader.write(Buffer.from(octets.subarray(ends[i - 1] ?? 0, end))));
  return log;
}

const { text, binary, continuation, ping, pong, close } = Opcode;
const join = (...frames: readonly Buffer[]): Buffer => Buffer.concat(frames);

describe('FrameReader', () => {
  const table: readonly [string, Buffer, readonly string[]][] = [
    ['a message', clientFrame(text, '<a/>'), ['text <a/>']],
    ['an empty message', clientFrame(text, ''), ['text ']],
    ['two messages in a row', join(clientFrame(text, '<a/>'), clientFrame(text, '<b/>')), ['text <a/>', 'text <b/>']],
    ['a length of 16 bits', clientFrame(text, 'x'.repeat(126)), [`text ${'x'.repeat(126)}`]],
    [
      'a message in three fragments',
      join(clientFrame(text, '<a', false), clientFrame(continuation, '', false), clientFrame(continuation, '/>')),
      ['text <a/>'],
    ],
    [
      'a character cut by fragments',
      join(clientFrame(text, Buffer.from([0xe2, 0x82]), false), clientFrame(continuation, Buffer.from([0xac]))),
      ['text €'],
    ],
    [
      'a ping between fragments',
      join(clientFrame(text, '<a', false), clientFrame(ping, 'hi'), clientFrame(continuation, '/>')),
      ['ping hi', 'text <a/>'],
    ],
    ['a pong nobody asked for', join(clientFrame(pong, 'x'), clientFrame(text, '<a/>')), ['text <a/>']],
    ['a byte order mark', clientFrame(text, '\ufeff'), ['text \ufeff']],
    ['a close, and nothing after it', join(clientFrame(close, ''), clientFrame(text, 'x')), ['close undefined']],
    ['a close with its code', clientFrame(close, Buffer.from([0x03, 0xe8, 0x78])), ['close 1000']],
    ['half a close code', clientFrame(close, 'x'), ['error 1002: half a close code']],
    ['a frame that is not masked', frame(text, '<a/>'), ['error 1002: a frame is not masked']],
    ['a binary message', clientFrame(binary, 'x'), ['error 1003: a binary message']],
    ['a reserved opcode', clientFrame(3, 'x'), ['error 1002: unknown opcode']],
    ['a reserved control opcode', clientFrame(11, ''), ['error 1002: unknown opcode']],
    ['compression', clientFrame(0x40 | text, 'x'), ['error 1002: reserved bits are set']],
    ['a fragmented ping', clientFrame(ping, 'x', false), ['error 1002: a control frame is long or fragmented']],
    ['a long ping', clientFrame(ping, 'x'.repeat(126)), ['error 1002: a control frame is long or fragmented']],
    ['a continuation of nothing', clientFrame(continuation, 'x'), ['error 1002: fragments out of order']],
    [
      'a message within a message',
      join(clientFrame(text, 'x', false), clientFrame(text, 'y')),
      ['error 1002: fragments out of order'],
    ],
    ['no UTF-8', clientFrame(text, Buffer.from([0xff])), ['error 1007: a message is not UTF-8']],
    ['half a surrogate', clientFrame(text, Buffer.from([0xed, 0xa0, 0x80])), ['error 1007: a message is not UTF-8']],
    [
      'nothing after an error',
      join(clientFrame(binary, 'x'), clientFrame(text, 'x')),
      ['error 1003: a binary message'],
    ],
  ];

  it.each(table)('reads %s, wherever it is cut', (_, octets, expected) => {
    expect(read(octets)).toEqual(expected);
    for (let cut = 0; cut <= octets.length; cut++) expect(read(octets, [cut])).toEqual(expected);
    expect(
      read(
        octets,
        [...octets.keys()].map((index) => index),
      ),
    ).toEqual(expected);
  });

  it('reads a length of 64 bits', () => {
    const body = '€'.repeat(30_000);
    const octets = clientFrame(text, body);
    expect(octets[1]! & 0x7f).toBe(127);
    expect(read(octets, [1, 5, 9, 13, 14, 40_000])).toEqual([`text ${body}`]);
  });

  it.each([
    ['in one frame', clientFrame(text, 'x'.repeat(11))],
    ['in fragments', join(clientFrame(text, 'x'.repeat(6), false), clientFrame(continuation, 'x'.repeat(5)))],
    ['announced only', Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])],
  ])('takes no message above the limit: %s', (_, octets) => {
    expect(read(octets, [], 10)).toEqual(['error 1009: a message is longer than 10 octets']);
  });

  it('takes a message at the limit, and the next', () => {
    const ten = clientFrame(text, 'x'.repeat(10));
    expect(read(join(ten, ten), [], 10)).toHaveLength(2);
  });
});

describe('frame', () => {
  it.each([
    [0, [0x81, 0]],
    [125, [0x81, 125]],
    [126, [0x81, 126, 0, 126]],
    [65_535, [0x81, 126, 0xff, 0xff]],
    [65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ])('of %d octets has the shortest header', (length, header) => {
    const octets = frame(text, 'x'.repeat(length));
    expect([...octets.subarray(0, header.length)]).toEqual(header);
    expect(octets.length).toBe(header.length + length);
  });

  it('counts octets, not characters', () => {
    expect([...frame(text, '€', false)]).toEqual([0x01, 3, 0xe2, 0x82, 0xac]);
  });

  it('of a close has code and reason', () => {
    expect([...closeFrame(1002, 'no')]).toEqual([0x88, 4, 0x03, 0xea, 0x6e, 0x6f]);
  });
});
