import type { Io } from '../io.js';

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Colour = keyof typeof CODES;

/** Puts text into a colour, or leaves it. */
export type Paint = (colour: Colour | undefined, text: string) => string;

const plain: Paint = (_, text) => text;
const ansi: Paint = (colour, text) => (colour ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text);

/** Colours only where a person looks on who did not rule them out (no-color.org). */
export function paintFor({ stdout, env }: Pick<Io, 'stdout' | 'env'>, wanted: boolean): Paint {
  return wanted && stdout.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb' ? ansi : plain;
}
