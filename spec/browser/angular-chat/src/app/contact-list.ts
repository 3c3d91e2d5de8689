import { afterNextRender, Component, computed, effect, ElementRef, inject, signal, viewChild } from '@angular/core';
import { jid } from 'rxmpp';
import { Avatar } from './avatar';
import { clock } from './clock';
import { Connection } from './connection';
import { Contacts } from './contacts';
import { Conversations } from './conversations';

@Component({
  selector: 'chat-contact-list',
  imports: [Avatar],
  templateUrl: './contact-list.html',
  styleUrl: './contact-list.css',
})
export class ContactList {
  protected readonly contacts = inject(Contacts);
  protected readonly conversations = inject(Conversations);
  protected readonly connection = inject(Connection);
  protected readonly clock = clock;
  protected readonly adding = signal(false);
  protected readonly wrong = signal('');
  readonly #host = inject<ElementRef<HTMLElement>>(ElementRef);
  protected readonly heading = viewChild.required<ElementRef<HTMLElement>>('heading');
  protected readonly toggle = viewChild.required<ElementRef<HTMLElement>>('toggle');
  protected readonly input = viewChild<ElementRef<HTMLElement>>('input');

  protected readonly items = computed(() =>
    this.conversations.list().map((contact) => {
      const last = this.conversations.messagesWith(contact.jid).at(-1);
      return {
        contact,
        last,
        presence: this.contacts.presenceOf(contact.jid),
        about: this.contacts.describe(contact),
        unread: this.conversations.unreadOf(contact.jid),
      };
    }),
  );

  constructor() {
    // Whoever signed in begins here, and comes back to the contact whose conversation was closed.
    afterNextRender(() => this.focus());
    effect(() => this.input()?.nativeElement.focus());
    let before: string | undefined;
    effect(() => {
      const open = this.conversations.open();
      if (open === undefined && before !== undefined) this.focus(before);
      before = open;
    });
  }

  /** On a contact; without one, or where it is not there, on the heading. */
  focus(contact?: string): void {
    const selector = `[data-jid="${CSS.escape(contact ?? '')}"]`;
    // On a narrow screen the list is shown again only now.
    setTimeout(() => {
      const found = this.#host.nativeElement.querySelector<HTMLElement>(selector);
      (found ?? this.heading().nativeElement).focus();
    });
  }

  protected stopAdding(): void {
    this.wrong.set('');
    this.adding.set(false);
    this.toggle().nativeElement.focus();
  }

  protected add(event: Event, input: HTMLInputElement): void {
    event.preventDefault();
    try {
      if (jid(input.value.trim()).local === undefined) throw new Error();
    } catch {
      this.wrong.set('Enter an address like bob@example.org.');
      return input.focus();
    }
    this.contacts.add(input.value.trim());
    this.stopAdding();
  }
}
