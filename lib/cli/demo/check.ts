/** Something that the demonstration claims, and whether it is so. */
export interface Check {
  readonly claim: string;
  readonly holds: boolean;
}

export function check(claim: string, holds: boolean): Check {
  return { claim, holds };
}
