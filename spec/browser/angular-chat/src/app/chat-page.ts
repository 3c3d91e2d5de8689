import { Component, inject, viewChild } from '@angular/core';
import { ContactList } from './contact-list';
import { Contacts } from './contacts';
import { Conversation } from './conversation';
import { Conversations } from './conversations';
import { StatusBanner } from './status-banner';

/** Two panes where there is room, else one of them at a time. What it provides is gone with it: nothing outlives signing out. */
@Component({
  selector: 'chat-page',
  imports: [ContactList, Conversation, StatusBanner],
  providers: [Contacts, Conversations],
  template: `
    <div class="frame" [class.talking]="conversations.openContact()">
      <chat-status-banner (retried)="goOn()" />
      <div class="panes">
        <chat-contact-list class="list" />
        <main class="main">
          @if (conversations.openContact(); as contact) {
            <chat-conversation [contact]="contact" />
          } @else {
            <div class="empty">
              <svg viewBox="0 0 48 48" aria-hidden="true"><path d="M8 10h32v22H23l-9 8v-8H8z" /></svg>
              <h2>No conversation open</h2>
              <p>Choose a contact, and say hello.</p>
            </div>
          }
        </main>
      </div>
    </div>
  `,
  styleUrl: './chat-page.css',
})
export class ChatPage {
  protected readonly conversations = inject(Conversations);
  protected readonly list = viewChild.required(ContactList);
  protected readonly conversation = viewChild(Conversation);

  /** The button that was pressed is gone: what it interrupted goes on. */
  protected goOn(): void {
    (this.conversation() ?? this.list()).focus();
  }
}
