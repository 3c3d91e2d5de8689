import { computed, DestroyRef, effect, inject, Injectable, signal } from '@angular/core';
import { Title } from '@angular/platform-browser';
import { fromEvent, Subscription } from 'rxjs';
import { NS, StanzaError, xml, type XmlElement } from 'rxmpp';
import { injectXmpp } from 'rxmpp/angular';
import { bareOf, Contacts, nameOf } from './contacts';
import type { ChatMessage, Contact, Tick } from './model';

/** Messages by contact, while somebody is signed in, and which of them are unread. */
@Injectable()
export class Conversations {
  readonly #xmpp = injectXmpp();
  readonly #contacts = inject(Contacts);
  readonly #messages = signal<ReadonlyMap<string, readonly ChatMessage[]>>(new Map());
  readonly #unread = signal<ReadonlyMap<string, number>>(new Map());
  readonly #open = signal<string | undefined>(undefined);
  readonly #sending = new Subscription();

  /** Whom the conversation that is shown is with. */
  readonly open = this.#open.asReadonly();
  readonly unreadInAll = computed(() => [...this.#unread().values()].reduce((sum, count) => sum + count, 0));

  /** The roster and whoever else has written, last heard of first. */
  readonly list = computed(() => {
    const known = new Map<string, Contact>(this.#contacts.roster());
    const messages = this.#messages();
    for (const jid of messages.keys()) {
      if (!known.has(jid)) known.set(jid, { jid, name: nameOf(jid), subscribed: false, asked: false });
    }
    const last = ({ jid }: Contact) => messages.get(jid)?.at(-1)?.at.getTime() ?? 0;
    return [...known.values()].sort((one, other) => last(other) - last(one) || one.name.localeCompare(other.name));
  });
  readonly openContact = computed(() => this.list().find(({ jid }) => jid === this.#open()));

  constructor() {
    const title = inject(Title);
    effect(() => title.setTitle(this.unreadInAll() > 0 ? `(${this.unreadInAll()}) Chat` : 'Chat'));
    const all = new Subscription();
    all.add(this.#xmpp.message$.subscribe((message) => this.#onMessage(message)));
    // What came while the page was hidden is read when it is looked at.
    all.add(fromEvent(document, 'visibilitychange').subscribe(() => this.#read()));
    all.add(this.#sending);
    inject(DestroyRef).onDestroy(() => all.unsubscribe());
  }

  messagesWith(contact: string): readonly ChatMessage[] {
    return this.#messages().get(contact) ?? [];
  }

  unreadOf(contact: string): number {
    return this.#unread().get(contact) ?? 0;
  }

  show(contact: string | undefined): void {
    this.#open.set(contact);
    this.#read();
  }

  send(to: string, body: string): void {
    const id = crypto.randomUUID();
    this.#append(to, { id, mine: true, body, at: new Date(), tick: 'queued' });
    this.#deliver(to, id, body);
  }

  /** Sends again what was not, or perhaps not, delivered. */
  resend(to: string, { id, body }: ChatMessage): void {
    this.#mark(to, id, 'queued');
    this.#deliver(to, id, body);
  }

  #deliver(to: string, id: string, body: string): void {
    const failed = (error: unknown) =>
      this.#mark(to, id, error instanceof StanzaError && error.condition === 'delivery-unknown' ? 'unknown' : 'failed');
    this.#sending.add(
      this.#xmpp.deliver(xml('message', { to, id, type: 'chat' }, xml('body', {}, body))).subscribe({
        // What an interceptor held back was not sent.
        next: ({ state }) => this.#mark(to, id, state === 'filtered' ? 'failed' : state),
        error: failed,
      }),
    );
  }

  #onMessage(message: XmlElement): void {
    const { from, type = 'normal', id } = message.attrs;
    if (from === undefined) return;
    const contact = bareOf(from);
    if (type === 'error' && id !== undefined) return this.#mark(contact, id, 'failed');
    const body = message.child('body')?.text() ?? '';
    if (body === '' || (type !== 'chat' && type !== 'normal')) return;
    // XEP-0203: when it was sent, where the server kept it.
    const at = new Date(message.child('delay', NS.delay)?.attrs['stamp'] ?? NaN);
    this.#append(contact, {
      id: crypto.randomUUID(),
      mine: false,
      body,
      at: Number.isNaN(at.getTime()) ? new Date() : at,
    });
    if (this.#open() === contact && document.visibilityState === 'visible') return;
    this.#unread.update((unread) => new Map(unread).set(contact, (unread.get(contact) ?? 0) + 1));
  }

  #append(contact: string, message: ChatMessage): void {
    this.#messages.update((all) => new Map(all).set(contact, [...(all.get(contact) ?? []), message]));
  }

  #mark(contact: string, id: string, tick: Tick): void {
    this.#messages.update((all) => {
      const messages = (all.get(contact) ?? []).map((message) =>
        message.id === id && message.mine ? { ...message, tick } : message,
      );
      return messages.length === 0 ? all : new Map(all).set(contact, messages);
    });
  }

  #read(): void {
    const contact = this.#open();
    if (contact === undefined || document.visibilityState !== 'visible' || !this.#unread().has(contact)) return;
    this.#unread.update((unread) => {
      const rest = new Map(unread);
      rest.delete(contact);
      return rest;
    });
  }
}
