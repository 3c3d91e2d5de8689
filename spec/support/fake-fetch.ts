import type { Fetch, FetchInit } from '../../lib/transport/websocket/host-meta.js';

export interface FakeAnswer {
  readonly status?: number;
  /** A text, octets, chunks by and by, or nothing. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array> | null;
  /** In place of an answer: an error; `null` is silence. */
  readonly error?: Error | null;
}

/** A `fetch` that answers by the last part of the path, and rejects as the real one does once it is aborted. */
export function fakeFetch(answers: Readonly<Record<string, FakeAnswer>>) {
  const asked: { readonly url: string; readonly init: FetchInit }[] = [];
  const fetch: Fetch = (url, init) => {
    asked.push({ url, init });
    const { status = 200, body = null, error } = answers[url.split('/').at(-1)!] ?? { status: 404 };
    const { signal } = init;
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
      if (error) reject(error);
      else if (error === undefined) resolve({ ok: status >= 200 && status < 300, status, body: stream(body, signal) });
    });
  };
  return { fetch, asked, urls: () => asked.map(({ url }) => url) };
}

function stream(body: FakeAnswer['body'], signal: AbortSignal): ReadableStream<Uint8Array> | null {
  if (body === null || body === undefined) return null;
  return new ReadableStream<Uint8Array>({
    async start(controller) {
      signal.addEventListener('abort', () => {
        try {
          controller.error(new DOMException('aborted', 'AbortError'));
        } catch {
          // It has been read to its end.
        }
      });
      try {
        if (typeof body === 'string') controller.enqueue(new TextEncoder().encode(body));
        else if (body instanceof Uint8Array) controller.enqueue(body);
        else for await (const chunk of body) controller.enqueue(chunk);
        controller.close();
      } catch {
        // It was aborted.
      }
    },
  });
}
