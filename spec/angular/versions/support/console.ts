/** For a spec file: Angular says that it is in development mode, and is to say nothing else. */
export function expectSilence(): void {
  const said: unknown[][] = [];
  beforeEach(() => {
    jest.spyOn(console, 'log').mockReturnValue(undefined);
    for (const level of ['warn', 'error'] as const) {
      jest.spyOn(console, level).mockImplementation((...args: unknown[]) => void said.push(args));
    }
  });
  afterEach(() => {
    jest.restoreAllMocks();
    expect(said.splice(0)).toEqual([]);
  });
}
