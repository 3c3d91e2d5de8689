const MASK = [0x12, 0x34, 0x56, 0x78];

/** A frame as clients send it: masked (RFC 6455 section 5.3). */
export function clientFrame(opcode: number, payload: string | Buffer, final = true): Buffer {
  const body = Buffer.from(payload as Buffer);
  const { length } = body;
  const size =
    length < 126
      ? [0x80 | length]
      : length < 0x10000
        ? [0x80 | 126, length >> 8, length & 0xff]
        : [0x80 | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (length >>> shift) & 0xff)];
  const masked = body.map((octet, i) => octet ^ MASK[i & 3]!);
  return Buffer.concat([Buffer.from([(final ? 0x80 : 0) | opcode, ...size, ...MASK]), masked]);
}
