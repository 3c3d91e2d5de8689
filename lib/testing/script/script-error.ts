/** What a scripted connection ends with when the client does not keep to the script: `message` tells the difference. */
export class ScriptError extends Error {
  override readonly name: string = 'ScriptError';
}
