/** The demonstration did not show what it claims. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
}
