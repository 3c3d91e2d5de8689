import {
  catchError,
  concatMap,
  defer,
  finalize,
  from,
  map,
  reduce,
  throwError,
  type Observable,
  type ObservableInput,
} from 'rxjs';
import { TransportError } from '../../errors/transport-error.js';
import { NS } from '../../xml/namespaces.js';
import { StreamParser } from '../../xml/stream-parser.js';
import type { XmlElement } from '../../xml/xml-element.js';
import { websocketUrl, type WebSocketUrl } from './websocket-url.js';

/** What of the Fetch API is used. */
export type Fetch = (url: string, init: FetchInit) => PromiseLike<FetchResponse>;
export interface FetchInit {
  readonly signal: AbortSignal;
  readonly redirect: 'error';
  readonly credentials: 'omit';
  readonly headers: Readonly<Record<string, string>>;
}
export interface FetchResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly body: unknown;
}

/** The most that a host-meta file may hold, in octets. */
const MAX_BODY = 64 * 1024;
const MAX_URLS = 8;
const REL = 'urn:xmpp:alt-connections:websocket';
const XRD = 'http://docs.oasis-open.org/ns/xri/xrd-1.0';

/**
 * Looks up where a domain has its WebSocket (XEP-0156): `host-meta.json` first, then `host-meta`, over HTTPS only and without
 * redirects, since whoever can send us elsewhere decides whom we talk to. Only `wss:` addresses count.
 *
 * Errors with `TransportError` `discovery-failed`.
 */
export function hostMeta(domain: string, fetch: Fetch): Observable<readonly WebSocketUrl[]> {
  const read = (path: string, parse: (text: string) => string[]) =>
    load(`https://${domain}/.well-known/${path}`, fetch).pipe(
      map((text) => {
        const urls = parse(text).filter(isSecure);
        if (urls.length > 0) return [...new Set(urls)].slice(0, MAX_URLS).map((url) => websocketUrl(url, false));
        throw failed(`${path} of ${domain} names no secure WebSocket`);
      }),
    );
  return read('host-meta.json', linksOfJson).pipe(
    catchError((first: unknown) =>
      read('host-meta', linksOfXml).pipe(
        catchError((second: unknown) =>
          throwError(() => failed(`${domain} does not tell where its WebSocket is; set \`url\``, [first, second])),
        ),
      ),
    ),
  );
}

/** One AbortController for each subscription, aborted when the body is read or given up. */
function load(url: string, fetch: Fetch): Observable<string> {
  return defer(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const headers = { accept: url.endsWith('.json') ? 'application/json' : 'application/xrd+xml' };
    return from(fetch(url, { signal, redirect: 'error', credentials: 'omit', headers })).pipe(
      concatMap((response) => {
        if (!response.ok) throw failed(`${url} answered ${response.status}`);
        return text(from((response.body ?? []) as ObservableInput<Uint8Array>));
      }),
      finalize(() => controller.abort()),
    );
  }).pipe(
    catchError((error: unknown) =>
      throwError(() => (error instanceof TransportError ? error : failed(`${url} cannot be read`, [error]))),
    ),
  );
}

function text(chunks: Observable<Uint8Array>): Observable<string> {
  return defer(() => {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let length = 0;
    return chunks.pipe(
      reduce((all, chunk) => {
        length += chunk.length;
        if (length > MAX_BODY) throw failed(`host-meta is larger than ${MAX_BODY} octets`);
        return all + decoder.decode(chunk, { stream: true });
      }, ''),
      map((all) => all + decoder.decode()),
    );
  });
}

/** Whether this is an address that whoever proved to be the domain's may send us to. */
export function isSecure(url: string): boolean {
  if (!/^wss:\/\//i.test(url)) return false;
  try {
    return websocketUrl(url, false).secure === 'tls';
  } catch {
    return false;
  }
}

function linksOfJson(json: string): string[] {
  const { links } = JSON.parse(json) as { readonly links?: unknown };
  if (!Array.isArray(links)) return [];
  return (links as unknown[]).flatMap((link) => {
    const { rel, href } = (link ?? {}) as { readonly rel?: unknown; readonly href?: unknown };
    return rel === REL && typeof href === 'string' ? [href] : [];
  });
}

/** XRD by the parser that reads streams: it refuses DTDs and entities, and bounds everything (threat T6). */
function linksOfXml(document: string): string[] {
  let root: XmlElement | undefined;
  let fault: Error | undefined;
  const parser = new StreamParser(
    { framing: 'stream', limits: { stanzaBytes: MAX_BODY + 1024 } },
    {
      open: () => undefined,
      element: (element) => (root ??= element),
      close: () => undefined,
      error: (error) => (fault = error),
    },
  );
  parser.write(`<stream:stream xmlns='${NS.client}' xmlns:stream='${NS.stream}'>`);
  parser.write(document.replace(/^\s*<\?xml[^>]*\?>/, ''));
  parser.end();
  if (fault) throw fault;
  if (!root?.is('XRD', XRD)) return [];
  return root.childrenOf('Link', XRD).flatMap(({ attrs }) => (attrs.rel === REL && attrs.href ? [attrs.href] : []));
}

function failed(sentence: string, errors: readonly unknown[] = []): TransportError {
  return new TransportError({
    condition: 'discovery-failed',
    phase: 'resolve',
    text: sentence,
    errors,
    cause: errors[0],
  });
}
