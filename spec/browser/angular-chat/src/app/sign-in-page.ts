import { afterNextRender, Component, computed, effect, ElementRef, inject, signal, viewChild } from '@angular/core';
import { jid, JidError } from 'rxmpp';
import { Connection } from './connection';

@Component({
  selector: 'chat-sign-in-page',
  templateUrl: './sign-in-page.html',
  styleUrl: './sign-in-page.css',
})
export class SignInPage {
  readonly #connection = inject(Connection);
  protected readonly form = viewChild.required<ElementRef<HTMLFormElement>>('form');

  protected readonly address = signal('');
  protected readonly password = signal('');
  protected readonly server = signal(configuredServer());
  protected readonly showPassword = signal(false);
  /** What is wrong is told once there was an attempt: not while somebody is still typing for the first time. */
  protected readonly tried = signal(false);

  protected readonly wrongAddress = computed(() => (this.tried() ? faultOfAddress(this.address().trim()) : ''));
  protected readonly wrongPassword = computed(() =>
    this.tried() && this.password() === '' ? 'Enter your password.' : '',
  );
  protected readonly wrongServer = computed(() => (this.tried() ? faultOfServer(this.server().trim()) : ''));
  protected readonly failure = this.#connection.failure;
  /** Then the advice is to say where it is. */
  protected readonly serverUnknown = computed(() => this.#connection.error()?.condition === 'discovery-failed');
  protected readonly busy = computed(() => this.#connection.stage() === 'signing-in');
  protected readonly progress = computed(() => {
    const { kind } = this.#connection.status();
    return kind === 'authenticating' ? 'Checking your password…' : kind === 'binding' ? 'Almost there…' : 'Connecting…';
  });

  constructor() {
    afterNextRender(() => this.#focus('input'));
    // The field that is most likely to be wrong is where to go on.
    effect(() => this.failure() && this.#focus('#password'));
  }

  protected submit(event: Event): void {
    event.preventDefault();
    if (this.busy()) return;
    this.tried.set(true);
    if (this.wrongServer() || this.wrongPassword() || this.wrongAddress()) {
      setTimeout(() => this.#focus('[aria-invalid=true]'));
      return;
    }
    this.#connection.signIn({
      jid: this.address().trim(),
      password: this.password(),
      server: this.server().trim() && addressOf(this.server().trim()).href,
    });
  }

  protected cancel(): void {
    this.#connection.signOut();
  }

  protected textOf(event: Event): string {
    return (event.target as HTMLInputElement).value;
  }

  #focus(selector: string): void {
    this.form().nativeElement.querySelector<HTMLElement>(selector)?.focus();
  }
}

/** What whoever serves this page has set; see index.html. */
function configuredServer(): string {
  return document.querySelector<HTMLMetaElement>('meta[name=xmpp-websocket]')?.content ?? '';
}

/** A path is one on this host. */
function addressOf(text: string): URL {
  const url = new URL(text, location.href);
  if (text.startsWith('/')) url.protocol = location.protocol.replace('http', 'ws');
  return url;
}

function faultOfAddress(address: string): string {
  if (address === '') return 'Enter your address, like alice@example.org.';
  try {
    return jid(address).local === undefined ? 'An address has a name and a domain: alice@example.org.' : '';
  } catch (error) {
    const part = error instanceof JidError ? error.part : undefined;
    if (part === 'domain') return 'The part after the @ is not a domain.';
    return part === 'local' ? 'The part before the @ has characters that no name may have.' : 'This is no address.';
  }
}

function faultOfServer(server: string): string {
  if (server === '') return '';
  try {
    if (/^wss?:$/.test(addressOf(server).protocol)) return '';
  } catch {
    // Told below.
  }
  return 'The address of a server begins with wss://.';
}
