import { Component, inject } from '@angular/core';
import { ChatPage } from './chat-page';
import { Connection } from './connection';
import { SignInPage } from './sign-in-page';

@Component({
  selector: 'chat-root',
  imports: [ChatPage, SignInPage],
  template: `
    @if (connection.stage() === 'signed-in') {
      <chat-page />
    } @else {
      <chat-sign-in-page />
    }
  `,
})
export class App {
  protected readonly connection = inject(Connection);
}
