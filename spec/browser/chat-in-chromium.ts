import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import type { Browser } from 'playwright-core';
import { startServerAsync, type RunningServer } from '../../lib/testing-node.js';
import { realServers } from '../servers/index.js';
import { describeWith } from '../support/needs.js';
import { buildApp } from './build-app.js';
import { serveApp, type ServedApp } from './serve-app.js';
import { ChatTab, type TabOptions } from './support/chat-tab.js';
import { launchChromium } from './support/chromium.js';

describeWith('chromium', () => {
  let browser: Browser;
  let app: ServedApp;
  let folder: string;
  let server: RunningServer;
  let upstream: () => number = () => Number(new URL(server.webSocketUrl).port);
  const tabs: ChatTab[] = [];

  beforeAll(async () => {
    folder = buildApp();
    browser = await launchChromium();
  }, 600_000);
  afterAll(() => browser?.close());

  const start = async (port = 0): Promise<void> => {
    server = await startServerAsync({
      accounts: { alice: 'wonderland', bob: 'builder', carol: 'singer' },
      directPort: false,
      secureWebSocketPort: false,
      webSocketPort: port,
    });
  };
  beforeEach(async () => {
    await start();
    upstream = () => Number(new URL(server.webSocketUrl).port);
    app = await serveApp(folder, () => upstream());
  });
  afterEach(async () => {
    const faults = tabs.flatMap((tab) => tab.faults);
    await Promise.all(tabs.splice(0).map((tab) => tab.close()));
    await app.close();
    await server.close();
    expect(faults).toEqual([]);
  });

  const open = async (options?: TabOptions): Promise<ChatTab> => {
    const tab = await ChatTab.open(browser, app.url, options);
    tabs.push(tab);
    return tab;
  };
  const signedIn = async (account: 'alice' | 'bob', options?: TabOptions): Promise<ChatTab> => {
    const tab = await open(options);
    await tab.signIn(`${account}@localhost`, account === 'alice' ? 'wonderland' : 'builder');
    await tab.contact('echo').waitFor();
    return tab;
  };
  const talking = async (): Promise<[alice: ChatTab, bob: ChatTab]> => {
    const both = await Promise.all([signedIn('alice'), signedIn('bob')]);
    await both[0].talkTo('bob');
    await both[1].talkTo('alice');
    return both;
  };
  const events = (kind: string) => server.server.log.filter(({ event }) => event === kind).length;

  it('signs in by SCRAM, and talks both ways', async () => {
    const [alice, bob] = await talking();
    await alice.say('Good morning, Bob!');
    await bob.sees('Good morning, Bob!');
    await bob.say('And to you — 你好 🐈');
    await alice.sees('And to you — 你好 🐈');
    await alice.sees('Good morning, Bob!', 'acked');
    await bob.sees('And to you', 'acked');
    expect(server.server.log.some(({ element }) => element?.name === 'response')).toBe(true);
  });

  it('says what is wrong before it connects, and after', async () => {
    const tab = await open();
    await tab.page.getByRole('button', { name: 'Sign in' }).click();
    await tab.page.getByText('Enter your address').waitFor();
    await tab.page.getByText('Enter your password.').waitFor();
    await tab.fill('localhost', 'x');
    await tab.page.getByText('An address has a name and a domain').waitFor();
    expect(server.server.accepted).toBe(0);
    await tab.fill('alice@localhost', 'wrong');
    await tab.page.getByRole('button', { name: 'Sign in' }).click();
    await tab.page.getByText('The address or the password is wrong.').waitFor();
    expect(await tab.page.getByLabel('Address', { exact: true }).inputValue()).toBe('alice@localhost');
    await tab.signIn('alice@localhost', 'wonderland');
    expect(events('bound')).toBe(1);
  });

  it('says that there is no server, and signs in once there is', async () => {
    const tab = await open();
    server.server.stop();
    await tab.fill('alice@localhost', 'wonderland');
    await tab.page.getByRole('button', { name: 'Sign in' }).click();
    await tab.page.getByText('The server cannot be reached.').waitFor();
    server.server.start();
    await tab.signIn('alice@localhost', 'wonderland');
  });

  it('resumes after the socket is cut, and loses nothing', async () => {
    const [alice, bob] = await talking();
    await alice.say('one');
    await bob.sees('one');
    // What is on its way in either direction when it happens arrives all the same, once.
    server.server.fault({ at: 'online', do: 'cut', times: 1, only: ({ account }) => account === 'alice' });
    await alice.say('two');
    await bob.say('three');
    await bob.sees('two');
    await alice.sees('three');
    await alice.banner('Nothing was lost').waitFor();
    await alice.sees('two', 'acked');
    expect(await bob.texts()).toEqual(expect.arrayContaining(['one', 'two', 'three']));
    expect((await alice.texts()).sort()).toEqual(['one', 'three', 'two']);
    expect((await bob.texts()).sort()).toEqual(['one', 'three', 'two']);
    expect(events('resumed')).toBe(1);
  });

  it('waits while the server is away, sends then what was written, and comes back at once when asked', async () => {
    const [alice, bob] = await talking();
    server.server.stop();
    await alice.banner(/restarting|cannot be reached/).waitFor();
    await alice.say('written meanwhile');
    await alice.sees('written meanwhile', 'queued');
    server.server.start();
    for (const tab of [alice, bob]) {
      const retry = tab.page.getByRole('button', { name: 'Retry now' });
      // It may have come back by itself.
      await retry.click({ timeout: 2000 }).catch(() => undefined);
    }
    await alice.sees('written meanwhile', 'acked');
    await bob.sees('written meanwhile');
    await alice.banner('Back online.').waitFor();
  });

  it('counts down to the next attempt', async () => {
    const alice = await signedIn('alice');
    server.server.stop();
    await alice.banner(/Trying again in \d+ s/).waitFor();
    server.server.start();
  });

  it('knows when the browser is offline, and is back when it is', async () => {
    const [alice, bob] = await talking();
    await alice.context.setOffline(true);
    server.server.cut('alice@localhost');
    await alice.banner('There is no network').waitFor();
    await bob.say('are you there?');
    await alice.context.setOffline(false);
    await alice.sees('are you there?');
    await alice.banner('Back online').waitFor();
  });

  it('finds a dead link as soon as a hidden page is shown again', async () => {
    const [alice] = await talking();
    const visibility = (state: 'hidden' | 'visible') =>
      alice.page.evaluate((value) => {
        Object.defineProperty(document, 'visibilityState', { value, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, state);
    await visibility('hidden');
    // Half open: the server is gone, and nobody has told the browser.
    server.server.mute('alice@localhost');
    await visibility('visible');
    await alice.banner(/answer in time|Connecting|Picking up|Back online/).waitFor({ timeout: 40_000 });
    await alice.banner('Back online').waitFor({ timeout: 40_000 });
  });

  it('counts what is unread, in tabs that are not looked at too', async () => {
    const [alice, bob] = await Promise.all([signedIn('alice'), signedIn('bob')]);
    await bob.talkTo('alice');
    await bob.say('first');
    await bob.say('second');
    await alice.contact('bob').getByTestId('unread').filter({ hasText: '2' }).waitFor();
    expect(await alice.page.title()).toBe('(2) Chat');
    await alice.talkTo('bob');
    await alice.sees('second');
    expect(await alice.contact('bob').getByTestId('unread').count()).toBe(0);
    expect(await alice.page.title()).toBe('Chat');
  });

  it('shows who is there', async () => {
    const alice = await signedIn('alice');
    await alice.contact('bob').filter({ hasText: 'offline' }).waitFor();
    const bob = await signedIn('bob');
    await alice.contact('bob').filter({ hasText: 'online' }).waitFor();
    await bob.page.getByRole('button', { name: 'Sign out' }).click();
    await bob.page.getByRole('heading', { name: 'Sign in to chat' }).waitFor();
    await alice.contact('bob').filter({ hasText: 'offline' }).waitFor();
    await bob.signIn('bob@localhost', 'builder');
    await alice.contact('bob').filter({ hasText: 'online' }).waitFor();
  });

  it('works in two tabs of one browser, as two sessions', async () => {
    const first = await signedIn('alice');
    const second = await ChatTab.in(first.context, app.url);
    await second.signIn('alice@localhost', 'wonderland');
    const bob = await signedIn('bob');
    await bob.talkTo('alice');
    await bob.say('to all of you');
    for (const tab of [first, second]) {
      await tab.talkTo('bob');
      await tab.sees('to all of you');
    }
    expect(new Set(server.server.sessions.map(({ jid }) => jid)).size).toBe(3);
    expect(second.faults).toEqual([]);
  });

  it('can be used by the keyboard alone', async () => {
    const { page } = await open();
    const type = (text: string) => page.keyboard.type(text);
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    await page.locator('#address:focus').waitFor();
    await type('alice@localhost');
    await press('Tab');
    await type('wonderland');
    await press('Enter');
    await page.getByRole('heading', { name: 'Chats' }).waitFor();
    await page.getByRole('navigation').getByRole('button').first().waitFor();
    for (let i = 0; i < 10; i++) {
      await press('Tab');
      if (await page.locator('nav button:focus').count()) break;
    }
    await press('Enter');
    await page.locator('textarea:focus').waitFor();
    await type('by keys');
    await press('Shift+Enter');
    await type('alone');
    await press('Enter');
    await page.locator('.body').filter({ hasText: 'by keys\nalone' }).first().waitFor();
    await press('Escape');
    await page.getByText('Nobody chosen yet').waitFor();
  });

  describe.each([
    ['desktop', 1100, 720],
    ['phone', 390, 780],
  ] as const)('looks well: %s', (size, width, height) => {
    it.each(['light', 'dark'] as const)('%s', async (theme) => {
      const options = { width, height, dark: theme === 'dark' };
      const shot = (tab: ChatTab, name: string) => tab.shoot(`${name}-${size}-${theme}`);
      const tab = await open(options);
      await shot(tab, '1-sign-in');
      await tab.fill('alice@localhost', 'wrong');
      await tab.page.getByRole('button', { name: 'Sign in' }).click();
      await tab.page.getByTestId('failure').waitFor();
      await shot(tab, '2-wrong-password');
      await tab.signIn('alice@localhost', 'wonderland');
      const bob = await signedIn('bob');
      await tab.contact('bob').filter({ hasText: 'online' }).waitFor();
      await bob.talkTo('alice');
      await bob.say('Did you see the new release?');
      await tab.contact('bob').getByTestId('unread').waitFor();
      await shot(tab, '3-contacts');
      await tab.talkTo('bob');
      await tab.say('Yes! Reading through it now. The reconnecting is the part that I have been waiting for.');
      await bob.say('Pull the plug and watch what the ticks do');
      await tab.say('Ha, nothing was lost');
      await tab.sees('Ha, nothing was lost', 'acked');
      await bob.say('Bravo!');
      await tab.sees('Bravo!');
      await shot(tab, '4-conversation');
      server.server.stop();
      await tab.banner(/Trying again/).waitFor();
      await tab.say('This one waits');
      await tab.sees('This one waits', 'queued');
      await shot(tab, '5-waiting');
      server.server.start();
      await tab.page
        .getByRole('button', { name: 'Retry now' })
        .click({ timeout: 3000 })
        .catch(() => undefined);
      await tab.banner('Back online').waitFor();
      await tab.sees('This one waits', 'acked');
      await shot(tab, '6-back');
      expect(await tab.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    });
  });
});

describe.each(['prosody', 'ejabberd'] as const)('the chat on a real server', (name) => {
  describeWith(name, () => {
    describeWith('chromium', () => {
      it.each(['ws', 'wss'] as const)('talks both ways over %s, and comes back after a restart', async (scheme) => {
        const real = await realServers[name]();
        // Of all certificates that Chromium does not know, this one it is to trust.
        const browser = await launchChromium(`--ignore-certificate-errors-spki-list=${await keyOf(real.ports.https)}`);
        const app = await serveApp(buildApp(), () => real.ports.http);
        try {
          const url = `${scheme}://localhost:${scheme === 'ws' ? real.ports.http : real.ports.https}/xmpp-websocket`;
          const tabs = [await ChatTab.open(browser, app.url), await ChatTab.open(browser, app.url)] as const;
          const [alice, bob] = tabs;
          await alice.signIn('alice@localhost', 'wonder', url);
          await bob.signIn('bob@localhost', 'builder', url);
          await alice.page.getByRole('button', { name: 'Add a contact' }).click();
          await alice.page.getByLabel('Add a contact', { exact: true }).last().fill('bob@localhost');
          await alice.page.getByRole('button', { name: 'Ask' }).click();
          await bob.page.getByRole('button', { name: 'Accept' }).click();
          await alice.contact('bob').filter({ hasText: 'online' }).waitFor();
          await alice.page.getByRole('button', { name: 'Accept' }).click();
          await alice.talkTo('bob');
          await alice.say(`hello over ${scheme}`);
          await bob.talkTo('alice');
          await bob.sees(`hello over ${scheme}`);
          await bob.say('and back');
          await alice.sees('and back');
          await alice.sees('hello over', 'acked');
          await real.restart();
          // Both at once: it is told for a few seconds only.
          await Promise.all(tabs.map((tab) => tab.banner('Back online').waitFor({ timeout: 60_000 })));
          await alice.say('after the restart');
          await bob.sees('after the restart');
          expect(tabs.flatMap((tab) => tab.faults)).toEqual([]);
        } finally {
          await browser.close();
          await app.close();
          await real.stop();
        }
      });
    });
  });
});
/** The public key of whoever listens there, as Chromium wants it. */
async function keyOf(port: number): Promise<string> {
  const socket = connectTls({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const key = socket.getPeerX509Certificate()!.publicKey.export({ type: 'spki', format: 'der' });
  socket.destroy();
  return createHash('sha256').update(key).digest('base64');
}
