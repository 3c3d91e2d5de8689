import { Observable } from 'rxjs';
import type { Input, Output } from './io.js';

/** What came of a prompt. */
export type Answer = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'interrupted' };

const ENTER = /[\r\n]/;

/**
 * Asks on a terminal without showing what is typed. Enter ends it, backspace takes back a character, Ctrl-U the line;
 * Ctrl-C and, on an empty line, Ctrl-D interrupt it. What was typed ahead, after Enter, is left to the next reader.
 *
 * ```text
 * subscribe     prompt, raw mode
 * typed         s e c x ⌫ ⏎
 * hiddenPrompt  ----------(a|)     { kind: 'text', text: 'sec' }
 * ```
 */
export function hiddenPrompt(input: Input, output: Output, prompt: string): Observable<Answer> {
  return new Observable<Answer>((subscriber) => {
    const decoder = new TextDecoder();
    let typed: string[] = [];
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      input.off('data', onData);
      input.off('end', onEnd);
      input.off('close', onEnd);
      input.pause();
      input.setRawMode?.(false);
      // The Enter was not shown either.
      output.write('\n');
    };
    const settle = (answer: Answer, rest = '') => {
      release();
      if (rest) input.unshift(Buffer.from(rest));
      subscriber.next(answer);
      subscriber.complete();
    };
    const onData = (chunk: Uint8Array | string) => {
      // An arrow key comes as a sequence: all of it is dropped, not only its first character.
      const text = (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })).replace(ESCAPES, '');
      const characters = [...text];
      for (const [index, character] of characters.entries()) {
        if (ENTER.test(character)) {
          return settle({ kind: 'text', text: typed.join('') }, characters.slice(index + 1).join(''));
        }
        if (character === '\x03' || (character === '\x04' && typed.length === 0))
          return settle({ kind: 'interrupted' });
        if (character === '\x7f' || character === '\b') typed.pop();
        else if (character === '\x15') typed = [];
        else if (character >= ' ') typed.push(character);
      }
    };
    const onEnd = () => settle({ kind: 'interrupted' });

    // Before the prompt, or what is typed at once would be shown.
    input.setRawMode?.(true);
    output.write(prompt);
    input.on('data', onData);
    input.on('end', onEnd);
    input.on('close', onEnd);
    // A terminal that is gone. Kept: it may say so more than once.
    input.on('error', onEnd);
    input.resume();
    return release;
  });
}

const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?/g;
