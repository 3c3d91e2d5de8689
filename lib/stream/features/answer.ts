import { defer, tap, type Observable } from 'rxjs';
import { StreamError } from '../../errors/stream-error.js';
import type { XmlElement } from '../../xml/xml-element.js';
import type { XmlStream } from '../xml-stream.js';

/**
 * Sends an element and awaits the answer to it. What comes before that waits for whoever reads next, in order, within the
 * bounds of one stanza: as many octets and as many elements as one may have. More ends the stream (threat X2).
 *
 * ```text
 * in        --a-b-----c-x--     x: the answer
 * answerTo  ------------(x|)    a, b, c: for whoever reads next
 * ```
 *
 * @param isAnswer Knows the answer. It is asked once for each element.
 */
export function answerTo(
  stream: XmlStream,
  request: XmlElement,
  isAnswer: (element: XmlElement) => boolean,
): Observable<XmlElement> {
  return defer(() => {
    const { connection, limits } = stream;
    const before = connection.bytesReceived;
    const early: XmlElement[] = [];
    stream.send(request);
    return stream
      .nextThat((element) => {
        if (isAnswer(element)) return true;
        early.push(element);
        if (early.length > limits.elements || connection.bytesReceived - before > limits.stanzaBytes) {
          stream.reject(new StreamError({ condition: 'policy-violation', text: 'too much came before the answer' }));
        }
        return false;
      })
      .pipe(tap(() => early[0] && stream.unread(early)));
  });
}
