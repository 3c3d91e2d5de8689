import { Component, computed, inject, signal } from '@angular/core';
import { jid } from 'rxmpp';
import { Avatar } from './avatar';
import { clock } from './clock';
import { Connection } from './connection';
import { Contacts, nameOf } from './contacts';
import { Conversations } from './conversations';
import { presences } from './model';

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
  protected readonly presences = presences;
  protected readonly clock = clock;
  protected readonly nameOf = nameOf;
  protected readonly adding = signal(false);
  protected readonly wrong = signal('');

  protected readonly items = computed(() =>
    this.conversations.list().map((contact) => {
      const last = this.conversations.messagesWith(contact.jid).at(-1);
      return {
        contact,
        last,
        presence: this.contacts.presenceOf(contact.jid),
        unread: this.conversations.unreadOf(contact.jid),
      };
    }),
  );

  protected add(event: Event, input: HTMLInputElement): void {
    event.preventDefault();
    try {
      if (jid(input.value.trim()).local === undefined) throw new Error();
    } catch {
      this.wrong.set('Enter an address like bob@example.org.');
      return input.focus();
    }
    this.contacts.add(input.value.trim());
    this.wrong.set('');
    this.adding.set(false);
  }
}
