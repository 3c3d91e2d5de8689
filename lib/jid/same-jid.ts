import { jid } from './jid.js';

/** Whether two texts name the same JID; `false` where one of them is none. */
export function sameJid(a: string, b: string): boolean {
  try {
    return a === b || jid(a).equals(jid(b));
  } catch {
    return false;
  }
}
