import { catchError, concatMap, defer, finalize, from, map, reduce, type Observable, type ObservableInput } from 'rxjs';
import { TransportError } from '../../errors/transport-error.js';
import { parseElement } from '../../xml/parse-element.js';
import { inTurn } from '../in-turn.js';
import { isSecure, websocketUrl, type WebSocketUrl } from './websocket-url.js';

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

/** An entry of either file: what its attributes, or its members, are. */
interface Link {
  readonly rel?: unknown;
  readonly href?: unknown;
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
  return inTurn(
    [
      ['.json', 'application/json', linksOfJson],
      ['', 'application/xrd+xml', linksOfXml],
    ] as const,
    ([ending, accept, parse]) => {
      const url = `https://${domain}/.well-known/host-meta${ending}`;
      return load(url, accept, fetch).pipe(
        map((body) => {
          const urls = parse(body).flatMap(({ rel, href }) =>
            rel === REL && typeof href === 'string' && isSecure(href) ? [href] : [],
          );
          if (!urls[0]) throw failed(`${url} names no wss: address`);
          return [...new Set(urls)].slice(0, MAX_URLS).map((each) => websocketUrl(each, false));
        }),
        catchError((error: unknown) => {
          throw error instanceof TransportError ? error : failed(`${url} cannot be read`, [error]);
        }),
      );
    },
    (errors) => failed(`${domain} does not tell where its WebSocket is; set \`url\``, errors),
  );
}

/** One AbortController for each subscription, aborted when the body is read or given up. */
function load(url: string, accept: string, fetch: Fetch): Observable<string> {
  return defer(() => {
    const controller = new AbortController();
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let length = 0;
    return from(
      fetch(url, { signal: controller.signal, redirect: 'error', credentials: 'omit', headers: { accept } }),
    ).pipe(
      concatMap(({ ok, status, body }) => {
        if (!ok) throw failed(`${url} answered ${status}`);
        return (body ?? []) as ObservableInput<Uint8Array>;
      }),
      reduce((all, chunk) => {
        length += chunk.length;
        if (length > MAX_BODY) throw failed(`${url} is larger than ${MAX_BODY} octets`);
        return all + decoder.decode(chunk, { stream: true });
      }, ''),
      map((all) => all + decoder.decode()),
      finalize(() => controller.abort()),
    );
  });
}

function linksOfJson(json: string): Link[] {
  const { links } = JSON.parse(json) as { readonly links?: unknown };
  return Array.isArray(links) ? (links.filter(Boolean) as Link[]) : [];
}

/**
 * XRD by the parser that reads streams: it refuses DTDs and entities, and bounds everything (threat T6). Of what XMPP does not have,
 * the declaration and comments are common in files.
 */
function linksOfXml(document: string): Link[] {
  const root = parseElement(document.replace(/<!--[^]*?(-->|$)|^\s*<\?xml[^>]*\?>/g, ''));
  return root?.is('XRD', XRD) ? root.childrenOf('Link', XRD).map(({ attrs }) => attrs as Link) : [];
}

function failed(text: string, errors: readonly unknown[] = []): TransportError {
  return new TransportError({ condition: 'discovery-failed', phase: 'resolve', text, errors, cause: errors[0] });
}
