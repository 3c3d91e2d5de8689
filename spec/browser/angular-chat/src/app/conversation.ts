import { Component, computed, effect, ElementRef, inject, input, untracked, viewChild } from '@angular/core';
import { Avatar } from './avatar';
import { clock } from './clock';
import { Connection } from './connection';
import { Contacts } from './contacts';
import { Conversations } from './conversations';
import { ticks, type ChatMessage, type Contact } from './model';

@Component({
  selector: 'chat-conversation',
  imports: [Avatar],
  templateUrl: './conversation.html',
  styleUrl: './conversation.css',
  host: { '(keydown.escape)': 'conversations.show(undefined)' },
})
export class Conversation {
  protected readonly conversations = inject(Conversations);
  protected readonly connection = inject(Connection);
  readonly #contacts = inject(Contacts);
  protected readonly log = viewChild.required<ElementRef<HTMLElement>>('log');
  protected readonly composer = viewChild.required<ElementRef<HTMLTextAreaElement>>('composer');

  readonly contact = input.required<Contact>();

  protected readonly messages = computed(() => this.conversations.messagesWith(this.contact().jid));
  protected readonly presence = computed(() => this.#contacts.presenceOf(this.contact().jid));
  protected readonly about = computed(() => this.#contacts.describe(this.contact()));
  protected readonly ticks = ticks;
  protected readonly clock = clock;
  readonly #jid = computed(() => this.contact().jid);
  readonly #count = computed(() => this.messages().length);

  constructor() {
    effect(() => {
      this.#jid();
      untracked(() => this.focus());
    });
    let before = '';
    effect(() => {
      const jid = this.#jid();
      this.#count();
      const { nativeElement } = this.log();
      // The new message is not there yet. Whoever reads what was said earlier goes on reading.
      const atEnd = nativeElement.scrollHeight - nativeElement.scrollTop - nativeElement.clientHeight < 100;
      const follow = atEnd || jid !== before || untracked(() => this.messages().at(-1)?.mine);
      before = jid;
      if (follow) requestAnimationFrame(() => nativeElement.scrollTo({ top: nativeElement.scrollHeight }));
    });
  }

  focus(): void {
    this.composer().nativeElement.focus({ preventScroll: true });
  }

  /** Enter sends; with Shift, and while an input method composes, it is a line break. */
  protected onEnter(event: Event): void {
    if (!(event instanceof KeyboardEvent) || event.shiftKey || event.isComposing) return;
    this.send(event);
  }

  protected send(event: Event): void {
    event.preventDefault();
    const field = this.composer().nativeElement;
    const body = field.value.trim();
    if (body !== '') this.conversations.send(this.contact().jid, body);
    field.value = '';
    field.focus();
  }

  protected resend(message: ChatMessage): void {
    this.conversations.resend(this.contact().jid, message);
  }
}
