/** RFC 6455 section 5.2. */
export const Opcode = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** RFC 6455 section 7.4.1: why an endpoint closes. */
export const CloseCode = { normal: 1000, protocolError: 1002, unsupported: 1003, notUtf8: 1007, tooBig: 1009 } as const;

/** One frame of a server, which does not mask (section 5.1). */
export function frame(opcode: number, payload: string | Uint8Array, final = true): Buffer {
  const body = Buffer.from(payload as Uint8Array);
  const { length } = body;
  const first = (final ? 0x80 : 0) | opcode;
  let header: Buffer;
  if (length < 126) {
    header = Buffer.from([first, length]);
  } else if (length < 0x10000) {
    header = Buffer.from([first, 126, length >> 8, length & 0xff]);
  } else {
    header = Buffer.alloc(10);
    header.set([first, 127]);
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, body]);
}

export function closeFrame(code: number, reason = ''): Buffer {
  return frame(Opcode.close, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]));
}
