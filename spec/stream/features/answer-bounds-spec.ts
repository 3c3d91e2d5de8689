import { Subject } from 'rxjs';
import type { StreamError } from '../../../lib/errors/index.js';
import { answerTo } from '../../../lib/stream/features/answer.js';
import { XmlStream } from '../../../lib/stream/xml-stream.js';
import { xml } from '../../../lib/xml/index.js';
import { stubConnection } from '../../support/stub-connection.js';
import { DOMAIN, serverHeader } from '../../support/wire.js';
import { watchUnhandled } from '../../support/wire-run.js';

/** What comes before an answer, each in a chunk of its own, and what becomes of the wait. */
function awaiting(limits: object, ...chunks: string[]) {
  const input$ = new Subject<string>();
  const connection = stubConnection(input$) as ReturnType<typeof stubConnection> & { bytesReceived: number };
  const own = new XmlStream(connection, limits);
  const feed = (chunk: string) => {
    connection.bytesReceived += chunk.length;
    input$.next(chunk);
  };
  own.open({ to: DOMAIN });
  own.header$.subscribe();
  feed(serverHeader());
  const log: string[] = [];
  let text = '';
  answerTo(own, xml('ask'), ({ name }) => name === 'answer').subscribe({
    next: () => log.push('answered'),
    error: (error: StreamError) => {
      ({ text } = error);
      log.push(error.condition);
    },
  });
  chunks.forEach(feed);
  own.element$.subscribe({ next: ({ name }) => log.push(name), error: () => undefined });
  return { log, text };
}

describe('what comes before an answer', () => {
  watchUnhandled();

  it('waits for whoever reads next', () => {
    expect(awaiting({}, '<a/>', '<b/><answer/><c/>').log).toEqual(['answered', 'a', 'b', 'c']);
  });

  it('may be as many elements as a stanza may have', () => {
    expect(awaiting({ elements: 3 }, '<a/><a/><a/>', '<answer/>').log).toEqual(['answered', 'a', 'a', 'a']);
    expect(awaiting({ elements: 3 }, '<a/><a/><a/><a/>', '<answer/>').log[0]).toBe('policy-violation');
  });

  it('may be as many octets as a stanza may have, from when it was asked', () => {
    const stanzaBytes = 400;
    const filled = `<a>${'x'.repeat(193)}</a>`;
    expect(awaiting({ stanzaBytes }, filled, filled, '<answer/>').log).toEqual(['answered', 'a', 'a']);
    expect(awaiting({ stanzaBytes }, filled, filled, '<a/>', '<answer/>').log[0]).toBe('policy-violation');
  });

  it('is told to have been too much', () => {
    expect(awaiting({ elements: 1 }, '<a/><a/>').text).toMatch(/too much|more/);
  });
});
