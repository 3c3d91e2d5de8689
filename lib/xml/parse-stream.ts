import { Observable, Subject, takeUntil, type OperatorFunction } from 'rxjs';
import { StreamParser, type StreamParserOptions } from './stream-parser.js';
import type { XmlElement } from './xml-element.js';

/** What happens on a stream, as its peer sends it. */
export type StreamEvent =
  /** The peer's header. `contentNs` is the default namespace that it declares, `''` with `frames`. */
  | { readonly kind: 'open'; readonly header: XmlElement; readonly contentNs: string }
  /** A complete element at the top level. */
  | { readonly kind: 'element'; readonly element: XmlElement }
  /** The peer's footer; with `frames`, the `<close/>` itself. */
  | { readonly kind: 'close'; readonly footer: XmlElement | undefined };

/**
 * Parses the octets or frames of one XMPP stream.
 *
 * Each subscription has a parser of its own. What a chunk completes is emitted synchronously with it; the first fault is
 * the error, and nothing is emitted after it.
 *
 * ```
 * source       --h--------a--b(cd)---f--|     h: '<stream:stream ...>', a: '<mess', b: 'age/>', cd: '<r/>', '<r/>' ...
 * parseStream  --o-----------e(ee)---c--|
 *
 * source       --h--x--                       x: '<!-- -->'
 * parseStream  --o--#                         restricted-xml
 * ```
 *
 * @param options framing and limits, as for `StreamParser`
 * @returns an operator that errors with the parser's `StreamError`, or with whatever the source errors; that completes when
 *   the source does, or errors with `not-well-formed` if that is within an element
 */
export function parseStream(options: StreamParserOptions): OperatorFunction<Uint8Array | string, StreamEvent> {
  return (source) =>
    new Observable((subscriber) => {
      const parser = new StreamParser(options, {
        open: (header, contentNs) => subscriber.next({ kind: 'open', header, contentNs }),
        element: (element) => subscriber.next({ kind: 'element', element }),
        close: (footer) => subscriber.next({ kind: 'close', footer }),
        error: (error) => subscriber.error(error),
      });
      // A source that emits synchronously is left at once too, before `subscribe` could return a subscription.
      const left = new Subject<void>();
      subscriber.add(() => {
        parser.dispose();
        left.next();
      });
      source.pipe(takeUntil(left)).subscribe({
        next: (chunk) => parser.write(chunk),
        error: (error) => subscriber.error(error),
        complete: () => {
          parser.end();
          subscriber.complete();
        },
      });
    });
}
