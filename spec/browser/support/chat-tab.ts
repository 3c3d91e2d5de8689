import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { projectRoot } from '../../support/source-imports.js';

export const screenshots = join(projectRoot, '.cache/screenshots');
mkdirSync(screenshots, { recursive: true });

export interface TabOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
}

/** What Chromium itself says where a connection fails, which is what these specs bring about. */
const EXPECTED = /WebSocket connection to '.*' failed|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED/;

/** A tab with the chat, and what a user does in it. */
export class ChatTab {
  /** Errors on the console, uncaught errors and unhandled rejections: there are to be none. */
  readonly faults: string[] = [];

  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
  ) {
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type()) && !EXPECTED.test(message.text()))
        this.faults.push(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.faults.push(`uncaught: ${error.stack ?? error.message}`));
  }

  static async open(browser: Browser, url: string, options: TabOptions = {}): Promise<ChatTab> {
    const { width = 1100, height = 720, dark = false } = options;
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? 'dark' : 'light',
      locale: 'en-GB',
    });
    return ChatTab.in(context, url);
  }

  /** One more tab of the same browser profile. */
  static async in(context: BrowserContext, url: string): Promise<ChatTab> {
    // What is not there after so long does not come.
    context.setDefaultTimeout(15_000);
    const tab = new ChatTab(context, await context.newPage());
    await tab.page.goto(url);
    return tab;
  }

  async fill(jid: string, password: string, server?: string): Promise<void> {
    await this.page.getByLabel('Address', { exact: true }).fill(jid);
    await this.page.getByLabel('Password', { exact: true }).fill(password);
    if (server === undefined) return;
    await this.page.getByText('Server', { exact: true }).click();
    await this.page.getByLabel('WebSocket address').fill(server);
  }

  async signIn(jid: string, password: string, server?: string): Promise<void> {
    await this.fill(jid, password, server);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.page.getByRole('heading', { name: 'Chats' }).waitFor();
  }

  contact(name: string): Locator {
    return this.page.getByRole('navigation').getByRole('button').filter({ hasText: name });
  }

  async talkTo(name: string): Promise<void> {
    await this.contact(name).click();
    await this.composer.waitFor();
  }

  get composer(): Locator {
    return this.page.getByRole('textbox', { name: /^Message to/ });
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press('Enter');
  }

  /** Waits until a message with this text is shown, with this tick if it is one of ours. */
  async sees(text: string, tick?: string): Promise<void> {
    const message = this.page.getByTestId('message').filter({ hasText: text });
    await (tick === undefined ? message : message.locator(`[data-tick=${tick}]`)).first().waitFor();
  }

  /** All that was said, in order. */
  async texts(): Promise<string[]> {
    return this.page.locator('[data-testid=message] .body').allTextContents();
  }

  banner(text: string | RegExp): Locator {
    return this.page.getByTestId('banner').filter({ hasText: text });
  }

  /** Looks the same each time: what moves is stopped. */
  async shoot(name: string): Promise<void> {
    await this.page.screenshot({ path: join(screenshots, `${name}.png`), animations: 'disabled', caret: 'hide' });
  }

  close(): Promise<void> {
    return this.context.close();
  }
}
