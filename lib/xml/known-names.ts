/** How many names are known. */
export const KNOWN = 512;
/** Strings of up to this length are copies of their own in V8; longer ones keep the text alive that they were cut from. */
const SHORT = 12;
/** The names that came last, by a hash, so that most names need neither a string nor a check, and are keys that the engine knows. */
const NAMES: string[] = /* #__PURE__ */ new Array(KNOWN).fill('');

/** The name that these octets are, if it came last of those with its hash; `''` otherwise. */
export function knownName(octets: Uint8Array, start: number, length: number, hash: number): string {
  const name = NAMES[hash]!;
  if (name.length !== length) return '';
  let same = 0;
  while (same < length && name.charCodeAt(same) === octets[start + same]) same++;
  return same === length ? name : '';
}

/** Knows a name of so many octets from now on. Of names beyond ASCII the characters are no octets. */
export function knowName(name: string, length: number, hash: number): void {
  if (length <= SHORT && name.length === length) NAMES[hash] = name;
}
