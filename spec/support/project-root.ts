import { resolve } from 'node:path';

/** Apart from all else: what is beside it loads TypeScript, which takes a suite a second. */
export const projectRoot = resolve(__dirname, '../..');
