import { JidError } from '../../errors/index.js';
import { jid, type Jid } from '../../jid/index.js';
import { elements, NS, xml, type XmlElement } from '../../xml/index.js';
import type { Accounts } from './accounts.js';
import { iqResult, stanzaError, withAttrs, withChildren } from './elements.js';
import { OfflineStore } from './offline-store.js';
import type { ServerSession, SessionHost } from './server-session.js';
import type { ServerSettings } from './settings.js';
import { randomId } from './text.js';

const FEATURES = [NS.discoInfo, NS.discoItems, NS.ping, NS.roster, NS.delay, 'msgoffline'];

/** Where stanzas go: RFC 6120 section 10 and RFC 6121 section 8.5, for one domain without federation. */
export class Router implements SessionHost {
  readonly settings: ServerSettings;
  readonly #accounts: Accounts;
  readonly #offline: OfflineStore;
  readonly #sessions = new Map<string, Map<string, ServerSession>>();
  readonly #onEnded: (session: ServerSession) => void;

  constructor(settings: ServerSettings, accounts: Accounts, onEnded: (session: ServerSession) => void) {
    this.settings = settings;
    this.#accounts = accounts;
    this.#offline = new OfflineStore(settings.offlineMessages);
    this.#onEnded = onEnded;
  }

  get sessions(): ServerSession[] {
    return [...this.#sessions.values()].flatMap((resources) => [...resources.values()]);
  }

  find(account: string, resource: string): ServerSession | undefined {
    return this.#sessions.get(account)?.get(resource);
  }

  add(session: ServerSession): void {
    const resources = this.#sessions.get(session.account) ?? new Map<string, ServerSession>();
    this.#sessions.set(session.account, resources.set(session.resource, session));
  }

  ended(session: ServerSession): void {
    const resources = this.#sessions.get(session.account);
    // Another session may have taken the resource over already.
    if (resources?.get(session.resource) === session) resources.delete(session.resource);
    if (resources?.size === 0) {
      this.#sessions.delete(session.account);
      this.#accounts.vacate(session.account);
    }
    if (session.presence)
      this.#broadcast(session, xml('presence', { xmlns: NS.client, from: session.jid, type: 'unavailable' }));
    this.#handBack(session);
    this.#onEnded(session);
  }

  /** The client says, on failing to resume, how much of the session it has seen. */
  seen(account: string, session: string, h: string | undefined): void {
    if (h !== undefined && /^\d{1,10}$/.test(h)) this.#offline.forget(account, session, Number(h));
  }

  /** Forgets everybody at once, as a crash does: nobody is told, nothing handed back. */
  crash(): void {
    for (const session of this.sessions) session.abandon();
    this.#sessions.clear();
  }

  /** A stanza of a client, `from` being stamped already. */
  receive(session: ServerSession, stanza: XmlElement): void {
    const fault = malformed(stanza);
    if (fault) return this.#refuse(stanza, fault);
    const { to } = stanza.attrs;
    if (to === undefined) return this.#receiveUnaddressed(session, stanza);
    let address: Jid;
    try {
      address = jid(to);
    } catch (error) {
      if (!(error instanceof JidError)) throw error;
      return this.#refuse(stanza, 'jid-malformed');
    }
    this.route(withAttrs(stanza, { to: address.toString() }), address);
  }

  /** Delivers a stanza that has a sender and an addressee. */
  route(stanza: XmlElement, address: Jid): void {
    if (address.domain !== this.settings.domain) return this.#refuse(stanza, 'remote-server-not-found');
    if (address.local === undefined) return this.#receiveAsServer(stanza);
    if (address.local === this.settings.echo) return this.#receiveAsEcho(stanza);
    const session = address.resource === undefined ? undefined : this.find(address.local, address.resource);
    if (session) return session.send(stanza);
    this.#deliverToAccount(stanza, address.local, address.resource === undefined);
  }

  // RFC 6121 sections 8.5.2 (bare JID) and 8.5.3.2 (full JID without such a resource).
  #deliverToAccount(stanza: XmlElement, account: string, bare: boolean): void {
    const exists = this.#accounts.has(account);
    const type = stanza.attrs.type;
    if (stanza.name === 'presence') {
      if (exists && bare) this.#deliverPresence(stanza, account);
      return;
    }
    if (stanza.name === 'iq') {
      if (exists && bare) this.#answer(stanza);
      else if (isRequest(stanza)) this.#refuse(stanza, 'service-unavailable');
      return;
    }
    if (type === 'error') return;
    if (!exists) return this.#refuse(stanza, 'service-unavailable');
    if (type === 'groupchat') return this.#refuse(stanza, 'service-unavailable');
    const available = this.#availableOf(account).filter(({ priority }) => priority >= 0);
    if (type === 'headline') {
      if (bare) for (const session of available) session.send(stanza);
      return;
    }
    const highest = Math.max(...available.map(({ priority }) => priority));
    const best = available.filter(({ priority }) => priority === highest);
    if (best.length > 0) for (const session of best) session.send(stanza);
    else if (!this.#offline.keep(account, this.#delayed(stanza))) this.#refuse(stanza, 'service-unavailable');
  }

  #deliverPresence(stanza: XmlElement, account: string): void {
    const { type, from, to } = stanza.attrs;
    // Everybody is everybody's contact, so whoever asks is subscribed already (RFC 6121 section 3.1.3).
    if (type === 'subscribe' && this.settings.presence === 'everyone')
      return this.#routeText(xml('presence', { xmlns: NS.client, type: 'subscribed', from: to, to: from }));
    if (type !== undefined && type !== 'unavailable' && type !== 'subscribe' && type !== 'subscribed') return;
    for (const session of this.#availableOf(account)) session.send(stanza);
  }

  #receiveUnaddressed(session: ServerSession, stanza: XmlElement): void {
    if (stanza.name === 'presence') return this.#receivePresence(session, stanza);
    if (stanza.name === 'message') return this.#deliverToAccount(stanza, session.account, true);
    this.#answer(stanza);
  }

  #receivePresence(session: ServerSession, stanza: XmlElement): void {
    const { type } = stanza.attrs;
    if (type !== undefined && type !== 'unavailable') return;
    const initial = session.presence === undefined && type === undefined;
    if (session.presence === undefined && !initial) return;
    session.presence = type === undefined ? stanza : undefined;
    this.#broadcast(session, stanza);
    if (!initial) return;
    if (this.settings.presence === 'everyone') {
      for (const other of this.sessions)
        if (other !== session && other.presence) session.send(withAttrs(other.presence, { to: session.jid }));
      if (this.settings.echo !== false)
        session.send(xml('presence', { xmlns: NS.client, from: this.#echoJid, to: session.jid }));
    }
    if (session.priority >= 0) for (const message of this.#offline.take(session.account)) session.send(message);
  }

  /** To all who are available, the account's other resources among them. */
  #broadcast(from: ServerSession, presence: XmlElement): void {
    for (const session of this.sessions) {
      const wanted = this.settings.presence === 'everyone' || session.account === from.account;
      if (session !== from && session.presence && wanted) session.send(withAttrs(presence, { to: session.jid }));
    }
  }

  #receiveAsServer(stanza: XmlElement): void {
    if (stanza.name === 'iq') this.#answer(stanza);
    else if (stanza.name === 'message' && stanza.attrs.type !== 'error') this.#refuse(stanza, 'service-unavailable');
  }

  #receiveAsEcho(stanza: XmlElement): void {
    const { from, to, type } = stanza.attrs;
    if (stanza.name === 'iq') return this.#answer(stanza);
    if (stanza.name === 'presence') {
      if (type === 'subscribe' || type === 'probe')
        this.#routeText(
          xml('presence', { xmlns: NS.client, type: type === 'probe' ? undefined : 'subscribed', from: to, to: from }),
        );
      return;
    }
    const bodies = stanza.childrenOf('body', NS.client);
    if (type === 'error' || type === 'groupchat' || bodies.length === 0) return;
    const id = randomId(this.settings.random, 8);
    this.#routeText(
      xml(
        'message',
        { xmlns: NS.client, id, type, from: to, to: from },
        ...bodies,
        stanza.childrenOf('thread', NS.client),
      ),
    );
  }

  /** Answers an IQ request on behalf of the server or of an account. */
  #answer(iq: XmlElement): void {
    if (!isRequest(iq)) return;
    const [payload] = elements(iq);
    const session = this.#ownerOf(iq);
    if (iq.attrs.type === 'get') {
      if (payload!.is('ping', NS.ping)) return this.#routeText(iqResult(iq));
      if (payload!.is('query', NS.discoInfo)) return this.#routeText(iqResult(iq, this.#discoInfo(payload!)));
      if (payload!.is('query', NS.discoItems))
        return this.#routeText(iqResult(iq, xml('query', { xmlns: NS.discoItems })));
      if (payload!.is('query', NS.roster) && session) return this.#routeText(iqResult(iq, this.#roster(session)));
    } else if (payload!.is('session', NS.session) && session) {
      session.established = true;
      return this.#routeText(iqResult(iq));
    } else if (payload!.is('bind', NS.bind)) {
      return this.#refuse(iq, 'not-allowed');
    }
    this.#refuse(iq, 'service-unavailable');
  }

  /** The session that asks about its own account. */
  #ownerOf({ attrs: { from, to } }: XmlElement): ServerSession | undefined {
    const sender = from === undefined ? undefined : jid(from);
    if (!sender?.local || !sender.resource || (to !== undefined && to !== sender.bare().toString())) return undefined;
    return this.find(sender.local, sender.resource);
  }

  #discoInfo(query: XmlElement): XmlElement {
    return xml(
      'query',
      { xmlns: NS.discoInfo, node: query.attrs.node },
      xml('identity', { category: 'server', type: 'im', name: 'rxmpp' }),
      FEATURES.map((feature) => xml('feature', { var: feature })),
    );
  }

  #roster(session: ServerSession): XmlElement {
    const names = this.settings.presence === 'everyone' ? this.#accounts.names() : [];
    if (this.settings.echo !== false) names.push(this.settings.echo);
    return xml(
      'query',
      { xmlns: NS.roster },
      [...new Set(names)]
        .filter((name) => name !== session.account)
        .map((name) => xml('item', { jid: `${name}@${this.settings.domain}`, name, subscription: 'both' })),
    );
  }

  /** What a session ended with unacknowledged goes where it would have gone without the session (XEP-0198 section 5). */
  #handBack(session: ServerSession): void {
    const { management } = session;
    if (!management) return;
    const first = management.sent - management.unacked.length + 1;
    management.unacked.forEach((stanza, index) => {
      if (stanza.name === 'iq' && isRequest(stanza)) this.#refuse(stanza, 'recipient-unavailable');
      if (stanza.name !== 'message' || !['chat', 'normal', undefined].includes(stanza.attrs.type)) return;
      const available = this.#availableOf(session.account).some(({ priority }) => priority >= 0);
      const delayed = this.#delayed(stanza);
      if (available) this.#deliverToAccount(delayed, session.account, true);
      else if (!this.#offline.keep(session.account, delayed, { session: management.id, number: first + index }))
        this.#refuse(stanza, 'service-unavailable');
    });
  }

  /** XEP-0203: when it was meant to arrive. */
  #delayed(stanza: XmlElement): XmlElement {
    if (stanza.child('delay', NS.delay)) return stanza;
    const { domain, scheduler } = this.settings;
    const delay = xml('delay', { xmlns: NS.delay, from: domain, stamp: new Date(scheduler.now()).toISOString() });
    return withChildren(stanza, [...stanza.children, delay]);
  }

  /** Errors are never answered by errors (RFC 6120 section 8.3.1), and presence is best effort. */
  #refuse(stanza: XmlElement, condition: string): void {
    if (stanza.attrs.type === 'error' || stanza.attrs.type === 'result' || stanza.name === 'presence') return;
    this.#routeText(stanzaError(stanza, condition));
  }

  /** Routes what the server itself has written: its addressee is a JID. */
  #routeText(stanza: XmlElement): void {
    if (stanza.attrs.to !== undefined) this.route(stanza, jid(stanza.attrs.to));
  }

  #availableOf(account: string): ServerSession[] {
    return [...(this.#sessions.get(account)?.values() ?? [])].filter(({ presence }) => presence !== undefined);
  }

  get #echoJid(): string {
    return `${this.settings.echo}@${this.settings.domain}/echo`;
  }
}

const isRequest = (iq: XmlElement): boolean => iq.attrs.type === 'get' || iq.attrs.type === 'set';

/** RFC 6120 section 8.2.3. */
function malformed(stanza: XmlElement): string | undefined {
  if (stanza.name !== 'iq') return undefined;
  const { id, type } = stanza.attrs;
  if (id === undefined || !['get', 'set', 'result', 'error'].includes(type ?? '')) return 'bad-request';
  return isRequest(stanza) && elements(stanza).length !== 1 ? 'bad-request' : undefined;
}
