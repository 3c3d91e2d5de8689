/** What broke in a run, each named after the invariant of the architecture that it breaks. */
export class Violations {
  readonly list: string[] = [];

  check(holds: boolean, invariant: string, what: () => string): void {
    if (!holds && this.list.length < 50) this.list.push(`${invariant}: ${what()}`);
  }
}
