import { computed, DestroyRef, inject, Injectable, signal } from '@angular/core';
import { Subscription } from 'rxjs';
import { jid, NS, xml, type XmlElement } from 'rxmpp';
import { injectXmpp } from 'rxmpp/angular';
import { presences, type Contact, type Presence } from './model';

const SHOWN: Record<string, Presence> = { away: 'away', xa: 'away', dnd: 'busy' };
const ORDER: readonly Presence[] = ['online', 'busy', 'away', 'offline'];

/** The roster, and who is there (RFC 6121), while somebody is signed in. */
@Injectable()
export class Contacts {
  readonly #xmpp = injectXmpp();
  readonly #roster = signal<ReadonlyMap<string, Contact>>(new Map());
  /** By full JID. */
  readonly #resources = signal<ReadonlyMap<string, Presence>>(new Map());
  readonly #requests = signal<readonly string[]>([]);
  readonly #loading = signal(true);

  readonly loading = this.#loading.asReadonly();
  /** Who asks to see our presence. */
  readonly requests = this.#requests.asReadonly();
  readonly roster = this.#roster.asReadonly();

  readonly #presences = computed(() => {
    const best = new Map<string, Presence>();
    for (const [from, presence] of this.#resources()) {
      const bare = bareOf(from);
      const known = best.get(bare) ?? 'offline';
      if (ORDER.indexOf(presence) < ORDER.indexOf(known)) best.set(bare, presence);
    }
    return best;
  });

  constructor() {
    const all = new Subscription();
    all.add(
      this.#xmpp.session$.subscribe((session) => {
        // A session that goes on has told all of this before (XEP-0198).
        if (session.resumed) return;
        this.#resources.set(new Map());
        // The roster first, or presence of people not in it would come (RFC 6121 section 2.2).
        session.iq('get', xml('query', { xmlns: NS.roster })).subscribe({
          next: (iq) => {
            const items = iq.child('query', NS.roster)?.childrenOf('item', NS.roster) ?? [];
            this.#roster.set(new Map(items.map(contactOf).map((contact) => [contact.jid, contact])));
            this.#present();
          },
          // The chat goes on without a roster.
          error: () => this.#present(),
        });
      }),
    );
    all.add(this.#xmpp.presence$.subscribe((presence) => this.#onPresence(presence)));
    all.add(
      this.#xmpp.handle('set', NS.roster, (iq) => {
        // Nobody but our own server may change it (section 2.1.6).
        const from = iq.attrs['from'];
        const own = this.#xmpp.session?.jid.bare().toString();
        if (from === undefined || from === own) {
          for (const item of iq.child('query', NS.roster)?.childrenOf('item', NS.roster) ?? []) this.#change(item);
        }
        return [];
      }),
    );
    inject(DestroyRef).onDestroy(() => all.unsubscribe());
  }

  presenceOf(contact: string): Presence {
    return this.#presences().get(contact) ?? 'offline';
  }

  /** What is known of them, in a word or two. */
  describe({ jid, subscribed, asked }: Contact): string {
    if (subscribed) return presences[this.presenceOf(jid)];
    return asked ? 'has not answered yet' : 'not a contact';
  }

  add(address: string): void {
    const contact = jid(address).bare().toString();
    if (!this.#roster().has(contact)) {
      this.#xmpp.iq('set', xml('query', { xmlns: NS.roster }, xml('item', { jid: contact }))).subscribe({
        error: () => undefined,
      });
    }
    this.#xmpp.send(xml('presence', { to: contact, type: 'subscribe' }));
  }

  answer(request: string, accepted: boolean): void {
    this.#requests.update((requests) => requests.filter((one) => one !== request));
    this.#xmpp.send(xml('presence', { to: request, type: accepted ? 'subscribed' : 'unsubscribed' }));
    if (accepted && !this.#roster().get(request)?.subscribed) this.add(request);
  }

  /** Shows us, on the session that there is: one that ended meanwhile was resumed, or another follows and asks again. */
  #present(): void {
    this.#loading.set(false);
    if (this.#xmpp.session) this.#xmpp.send(xml('presence'));
  }

  #onPresence(stanza: XmlElement): void {
    const { from, type } = stanza.attrs;
    const show = stanza.child('show')?.text() ?? '';
    if (from === undefined) return;
    const bare = bareOf(from);
    if (type === 'subscribe') {
      this.#requests.update((requests) => (requests.includes(bare) ? requests : [...requests, bare]));
    } else if (type === undefined || type === 'unavailable') {
      const presence = type === undefined ? (SHOWN[show] ?? 'online') : 'offline';
      this.#resources.update((known) => new Map(known).set(from, presence));
    }
  }

  #change(item: XmlElement): void {
    const contact = contactOf(item);
    const { subscription } = item.attrs;
    this.#roster.update((known) => {
      const changed = new Map(known);
      if (subscription === 'remove') changed.delete(contact.jid);
      else changed.set(contact.jid, contact);
      return changed;
    });
  }
}

function contactOf({ attrs }: XmlElement): Contact {
  const { name, subscription, ask } = attrs;
  const address = attrs['jid'] ?? '';
  return {
    jid: address,
    name: name || nameOf(address),
    subscribed: subscription === 'both' || subscription === 'to',
    asked: ask === 'subscribe',
  };
}

export const bareOf = (address: string): string => address.split('/', 1)[0]!;
export const nameOf = (address: string): string => address.split('@', 1)[0]!;
