import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { projectRoot } from '../../support/project-root.js';
import { inaccessible } from './accessibility.js';

export const screenshots = join(projectRoot, '.cache/screenshots');
mkdirSync(screenshots, { recursive: true });

export interface TabOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
}

/** What Chromium itself says where a connection fails, which is what these specs bring about. */
const EXPECTED = /WebSocket connection to '.*' failed|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED/;

/** In the page: keeps all that the banner tells, since some of it is told for a moment only. */
function keepBanners(): void {
  const told: string[] = [];
  Object.assign(window, { told });
  new MutationObserver(() => {
    const text = document.querySelector('[data-testid=banner]')?.textContent ?? '';
    if (text !== told.at(-1)) told.push(text);
  }).observe(document, { subtree: true, childList: true, characterData: true });
}

/** A tab with the chat, and what a user does in it. */
export class ChatTab {
  /** Errors on the console, uncaught errors and unhandled rejections: there are to be none. */
  readonly faults: string[] = [];
  /** How much of what the banner told was asked for. */
  #heard = 0;

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

  /** From now on no time passes in the page, but by `pass`. */
  async stopTime(): Promise<void> {
    // A while ahead: until it is heard of there the page's time goes on.
    await this.page.clock.pauseAt((await this.page.evaluate(() => Date.now())) + 5000);
  }

  async startTime(): Promise<void> {
    await this.page.clock.resume();
  }

  /** Lets so many milliseconds pass in the page, and all happen that is due meanwhile. */
  async pass(milliseconds: number): Promise<void> {
    await this.page.clock.runFor(milliseconds);
  }

  /** One more tab of the same browser profile. */
  static async in(context: BrowserContext, url: string): Promise<ChatTab> {
    // What is not there after so long does not come, however busy the machine.
    context.setDefaultTimeout(45_000);
    const tab = new ChatTab(context, await context.newPage());
    await tab.page.addInitScript(keepBanners);
    // It goes with the machine's until it is stopped.
    await tab.page.clock.install();
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
    await (tick === undefined ? message : message.locator(`[data-tick=${tick}]`))
      .first()
      .waitFor()
      .catch(async (cause: unknown) => {
        const shown = await this.page.getByTestId('message').allInnerTexts();
        const sentence = `"${text}" is not shown${tick ? ` as ${tick}` : ''}, but ${JSON.stringify(shown)}`;
        throw new Error(`${sentence}; the banner told ${JSON.stringify(await this.told())}`, { cause });
      });
  }

  /** All that was said, in order. */
  async texts(): Promise<string[]> {
    return this.page.locator('[data-testid=message] .body').allTextContents();
  }

  /** What the banner shows now. */
  banner(text: string | RegExp): Locator {
    return this.page.getByTestId('banner').filter({ hasText: text });
  }

  /** Waits until the banner has told this, after what was asked for last, for however short a time. */
  async hears(text: RegExp): Promise<void> {
    const found = await this.page
      .waitForFunction(
        ({ source, from }) => {
          const { told } = window as unknown as { readonly told: readonly string[] };
          return told.findIndex((one, index) => index >= from && new RegExp(source).test(one)) + 1;
        },
        { source: text.source, from: this.#heard },
      )
      .catch(async (cause: unknown) => {
        throw new Error(`the banner did not tell ${text}, but ${JSON.stringify(await this.told())}`, { cause });
      });
    this.#heard = await found.jsonValue();
  }

  /** All that the banner told. */
  told(): Promise<readonly string[]> {
    return this.page.evaluate(() => (window as unknown as { readonly told: readonly string[] }).told);
  }

  // Headless Chromium shows every page all the time: what hides, freezes and shows it again is told to the page by its events.

  async hide(): Promise<void> {
    await this.#tell('visibilitychange', 'hidden');
  }

  async show(): Promise<void> {
    await this.#tell('visibilitychange', 'visible');
  }

  async freeze(): Promise<void> {
    await this.#tell('freeze');
  }

  async thaw(): Promise<void> {
    await this.#tell('resume');
  }

  /** Closes the session in good order, if there is one. */
  async signOut(): Promise<void> {
    const button = this.page.getByRole('button', { name: 'Sign out' });
    if (!(await button.isVisible())) return;
    await button.click();
    await this.page.getByRole('heading', { name: 'Sign in to chat' }).waitFor();
  }

  async #tell(event: string, visibility?: DocumentVisibilityState): Promise<void> {
    await this.page.evaluate(
      ([type, value]) => {
        if (value) Object.defineProperty(document, 'visibilityState', { value, configurable: true });
        document.dispatchEvent(new Event(type));
      },
      [event, visibility] as const,
    );
  }

  /** Looks the same each time: what moves is stopped. */
  async shoot(name: string): Promise<void> {
    await this.page.screenshot({ path: join(screenshots, `${name}.png`), animations: 'disabled', caret: 'hide' });
  }

  /** What of the page somebody could not see, reach or be told of. */
  inaccessible(): Promise<string[]> {
    return this.page.evaluate(inaccessible);
  }

  close(): Promise<void> {
    return this.context.close();
  }
}
