/** One element of DER (X.690): just enough of it to find things in certificates and TLS sessions. */
export interface Der {
  readonly tag: number;
  readonly content: Uint8Array;
}

/**
 * The elements that `bytes` consist of.
 *
 * @throws RangeError Where they are no DER.
 */
export function readDer(bytes: Uint8Array): Der[] {
  const elements: Der[] = [];
  let at = 0;
  const octet = () => {
    if (at >= bytes.length) throw new RangeError('DER ends too early');
    return bytes[at++]!;
  };
  while (at < bytes.length) {
    const tag = octet();
    let length = octet();
    if (length >= 0x80) {
      let octets = length & 0x7f;
      // Nothing that is read here reaches 4 GiB, and the indefinite form (0) is BER.
      if (octets === 0 || octets > 4) throw new RangeError('bad DER length');
      for (length = 0; octets > 0; octets--) length = length * 256 + octet();
    }
    if (length > bytes.length - at) throw new RangeError('DER ends too early');
    elements.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return elements;
}

/** The dotted form of an object identifier's content. */
export function readOid(content: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of content) {
    arc = arc * 128 + (octet & 0x7f);
    if (octet & 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [first = 0, ...rest] = arcs;
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - root * 40, ...rest].join('.');
}
