/**
 * Decodes the part of an A-label after `xn--` (RFC 3492 section 6.2). What is no punycode gives some other text, which its
 * user finds by encoding that again.
 */
export function decodePunycode(text: string): string {
  const basic = text.lastIndexOf('-');
  const output = [...text.slice(0, Math.max(basic, 0))];
  let n = 128;
  let bias = 72;
  let i = 0;
  for (let at = basic + 1; at < text.length;) {
    const start = i;
    for (let weight = 1, k = 36; ; k += 36) {
      const digit = (parseInt(text.charAt(at++), 36) + 26) % 36;
      const threshold = Math.min(Math.max(k - bias, 1), 26);
      i += digit * weight;
      // `!(>=)` so that a digit that is none (NaN) ends the loop too.
      if (!(digit >= threshold)) break;
      weight *= 36 - threshold;
    }
    const length = output.length + 1;
    // Integers of 32 bits suffice for what is punycode.
    let delta = ((i - start) / (start === 0 ? 700 : 2)) | 0;
    delta += (delta / length) | 0;
    for (bias = 0; delta > 455; bias += 36) delta = (delta / 35) | 0;
    bias += ((36 * delta) / (delta + 38)) | 0;
    n += (i / length) | 0;
    i %= length;
    output.splice(i++, 0, n >>> 0 <= 0x10ffff ? String.fromCodePoint(n) : '\ufffd');
  }
  return output.join('');
}
