import { NS, xml, type XmlElement } from '../../xml/index.js';
import { iqResult, stanzaError } from './elements.js';
import { saslServer } from './mechanisms.js';
import type { SaslServer, SaslStep } from './sasl.js';
import type { ServerChannelBinding } from './server-pipe.js';
import type { ServerStream } from './server-stream.js';
import { base64, fromBase64, randomId } from './text.js';

/** After so many failures the stream is closed (RFC 6120 section 6.4.5). */
const MAX_FAILURES = 5;
const BINDINGS: readonly ServerChannelBinding[] = ['tls-exporter', 'tls-server-end-point'];

/** A stream up to the bound resource: features, STARTTLS, SASL, bind, resumption. */
export class Negotiation {
  readonly #stream: ServerStream;
  #exchange: SaslServer | undefined;
  #step = 0;
  #failures = 0;

  constructor(stream: ServerStream) {
    this.#stream = stream;
  }

  features(): XmlElement {
    const stream = this.#stream;
    const { settings } = stream.host;
    const authenticated = stream.account !== undefined;
    const standard = authenticated ? this.#afterAuthentication() : this.#beforeAuthentication();
    const changed = settings.features?.(standard, { secure: stream.secure, authenticated }) ?? standard;
    return xml('features', { xmlns: NS.stream }, changed);
  }

  handle(element: XmlElement): void {
    const stream = this.#stream;
    if (element.is('starttls', NS.tls)) {
      if (stream.canStartTls && stream.account === undefined && stream.host.settings.tls !== 'off')
        return stream.startTls();
      stream.writeElement(xml('failure', { xmlns: NS.tls }));
      return stream.close();
    }
    if (stream.account === undefined) return this.#authenticate(element);
    if (element.is('resume', NS.sm)) return this.#resume(element);
    if (element.is('enable', NS.sm)) return stream.writeElement(failed('unexpected-request'));
    if (element.is('iq', NS.client) && element.attrs.type === 'set' && element.child('bind', NS.bind))
      return this.#bind(element);
    // RFC 6120 section 7.1: nothing before the resource is bound.
    stream.fail('not-authorized', { text: 'no resource is bound' });
  }

  #beforeAuthentication(): XmlElement[] {
    const stream = this.#stream;
    const { tls, downgradeProtection } = stream.host.settings;
    const features: XmlElement[] = [];
    if (stream.canStartTls && tls !== 'off')
      features.push(xml('starttls', { xmlns: NS.tls }, tls === 'required' && xml('required')));
    // RFC 6120 section 5.3.1: a mandatory feature stands alone.
    if (tls === 'required' && !stream.secure) return features;
    features.push(
      xml(
        'mechanisms',
        { xmlns: NS.sasl },
        this.#mechanisms.map((name) => xml('mechanism', null, name)),
      ),
    );
    const bindings = this.#bindings;
    if (bindings.length > 0)
      features.push(
        xml(
          'sasl-channel-binding',
          { xmlns: NS.channelBinding },
          bindings.map((type) => xml('channel-binding', { type })),
        ),
      );
    if (downgradeProtection) features.push(xml('protection', { xmlns: NS.ssdp }));
    return features;
  }

  #afterAuthentication(): XmlElement[] {
    const { legacySession, streamManagement } = this.#stream.host.settings;
    const features = [xml('bind', { xmlns: NS.bind })];
    if (legacySession !== 'none')
      features.push(xml('session', { xmlns: NS.session }, legacySession === 'optional' && xml('optional')));
    if (streamManagement) features.push(xml('sm', { xmlns: NS.sm }));
    return features;
  }

  get #mechanisms(): string[] {
    const { secure, pipe, host } = this.#stream;
    const bound = this.#bindings.length > 0;
    return host.settings.mechanisms.filter((name) => {
      if (name === 'PLAIN') return secure;
      if (name === 'EXTERNAL') return secure && (pipe.clientIdentities?.().length ?? 0) > 0;
      return !name.endsWith('-PLUS') || bound;
    });
  }

  /** Told only where they can be used (XEP-0440). */
  get #bindings(): ServerChannelBinding[] {
    const { secure, pipe, host } = this.#stream;
    if (!secure || !host.settings.mechanisms.some((name) => name.endsWith('-PLUS'))) return [];
    return BINDINGS.filter((type) => pipe.channelBinding?.(type) !== undefined);
  }

  #authenticate(element: XmlElement): void {
    const stream = this.#stream;
    if (element.xmlns !== NS.sasl) return stream.fail('not-authorized');
    switch (element.name) {
      case 'auth': {
        if (stream.host.settings.tls === 'required' && !stream.secure) return this.#failSasl('encryption-required');
        const name = element.attrs.mechanism ?? '';
        this.#step = 0;
        this.#exchange = this.#mechanisms.includes(name) ? this.#begin(name) : undefined;
        if (!this.#exchange) return this.#failSasl('invalid-mechanism');
        // Nothing is no initial response; `=` is an empty one (RFC 6120 section 6.4.2).
        return element.text() === '' ? this.#proceed(undefined) : this.#decode(element.text());
      }
      case 'response':
        if (!this.#exchange) return this.#failSasl('malformed-request');
        return this.#decode(element.text());
      case 'abort':
        return this.#failSasl('aborted');
      default:
        return stream.fail('unsupported-stanza-type');
    }
  }

  #begin(name: string): SaslServer | undefined {
    const { host, pipe } = this.#stream;
    const { settings, accounts } = host;
    const bindings = this.#bindings;
    const sorted = (names: readonly string[]): string => [...names].sort().join('\x1e');
    return saslServer(name, {
      crypto: settings.crypto,
      nonce: randomId(settings.random, 16),
      offersPlus: this.#mechanisms.some((offered) => offered.endsWith('-PLUS')),
      channelBinding: (type) => pipe.channelBinding?.(type),
      // XEP-0474 section 4.3: mechanisms, then the types of channel binding if any were told.
      protectedList: settings.downgradeProtection
        ? sorted(this.#mechanisms) + (bindings.length > 0 ? `\x1f${sorted(bindings)}` : '')
        : undefined,
      host: {
        domain: accounts.domain,
        keys: (user, hash) => accounts.keys(user, hash),
        check: (user, password) => accounts.check(user, password),
        anonymous: () => accounts.anonymous(),
        identities: () => pipe.clientIdentities?.() ?? [],
      },
    });
  }

  #decode(text: string): void {
    const data = text === '=' ? new Uint8Array(0) : fromBase64(text);
    if (!data) return this.#failSasl('incorrect-encoding');
    this.#proceed(data);
  }

  #proceed(response: Uint8Array | undefined): void {
    this.#step++;
    const exchange = this.#exchange!;
    this.#stream.answer(
      'sasl',
      () => this.#say(exchange(response)),
      (condition, text) => this.#failSasl(condition ?? 'not-authorized', text),
      this.#step,
    );
  }

  #say(step: SaslStep): void {
    const stream = this.#stream;
    switch (step.kind) {
      case 'challenge':
        return stream.writeElement(xml('challenge', { xmlns: NS.sasl }, encode(step.data)));
      case 'failure':
        return this.#failSasl(step.condition, step.text);
      case 'success':
        this.#exchange = undefined;
        stream.writeElement(xml('success', { xmlns: NS.sasl }, step.data && encode(step.data)));
        stream.account = step.account;
        stream.note('authenticated', step.account);
        return stream.restart();
    }
  }

  #failSasl(condition: string, text?: string): void {
    this.#exchange = undefined;
    this.#stream.writeElement(
      xml('failure', { xmlns: NS.sasl }, xml(condition), text !== undefined && xml('text', { 'xml:lang': 'en' }, text)),
    );
    if (++this.#failures >= MAX_FAILURES) this.#stream.fail('policy-violation', { text: 'too many attempts' });
  }

  #bind(iq: XmlElement): void {
    const stream = this.#stream;
    const wanted = iq.child('bind', NS.bind)!.child('resource', NS.bind)?.text();
    stream.answer(
      'bind',
      () => {
        const session = stream.host.bind(stream, wanted || undefined);
        if ('condition' in session) return stream.writeElement(stanzaError(iq, session.condition));
        stream.session = session;
        stream.note('bound', session.jid);
        stream.writeElement(iqResult(iq, xml('bind', { xmlns: NS.bind }, xml('jid', null, session.jid))));
      },
      (condition, text) => stream.writeElement(stanzaError(iq, condition ?? 'not-allowed', text)),
    );
  }

  #resume(element: XmlElement): void {
    const stream = this.#stream;
    const { host } = stream;
    const { previd = '', h } = element.attrs;
    stream.answer(
      'resume',
      () => {
        const session = host.resumable(stream.account!, previd);
        const management = session?.management;
        if (!session || !management)
          return stream.writeElement(failed('item-not-found', host.expired(stream.account!, previd, h)));
        if (!management.acknowledge(h))
          return stream.fail('undefined-condition', { application: management.tooHigh(h) });
        // The client is here, so whatever stream the server still thinks it has is dead.
        session.stream?.fail('conflict', { text: 'resumed by another stream', keepSession: true });
        stream.session = session;
        stream.note('resumed', session.jid);
        stream.writeElement(xml('resumed', { xmlns: NS.sm, previd, h: management.handled }));
        session.resume(stream);
      },
      (condition) => stream.writeElement(failed(condition ?? 'item-not-found')),
    );
  }
}

export function failed(condition: string, h?: number): XmlElement {
  return xml('failed', { xmlns: NS.sm, h }, xml(condition, { xmlns: NS.stanzas }));
}

/** Empty data is `=` where it must be told from no data (RFC 6120 section 6.4.3); a challenge is always data. */
const encode = (data: Uint8Array): string => base64(data);
