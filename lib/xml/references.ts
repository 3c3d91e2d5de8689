import { ENTITIES, ENTITY_NAMES, ILLEGAL, isName } from './characters.js';
import { restricted, unexpected } from './xml-fault.js';

/** What a reference stands for. */
export function referent(reference: string): string {
  const name = reference.slice(1, -1);
  if (reference.endsWith(';')) {
    let char = ENTITIES[ENTITY_NAMES.indexOf(name)];
    if (char !== undefined) return char;
    if (/^#(x[\da-fA-F]+|\d+)$/.test(name)) {
      const code = Number(`0${name.slice(1)}`);
      if (code <= 0x10ffff && !ILLEGAL.test((char = String.fromCodePoint(code)))) return char;
    } else if (isName(name)) throw restricted(reference);
  }
  throw unexpected(reference);
}
