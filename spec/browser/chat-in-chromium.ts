import type { Browser } from 'playwright-core';
import { startServerAsync, type RunningServer } from '../../lib/testing-node.js';
import { describeWith } from '../support/needs.js';
import { buildApp, buildLog, complaintsIn } from './build-app.js';
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
    await app?.close();
    await server?.close();
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

  it('is built without a warning', () => {
    expect(buildLog()).toContain('Application bundle generation complete');
    expect(complaintsIn(buildLog())).toEqual([]);
    // As they look.
    const warning = '\u25b2 [WARNING] bundle initial exceeded maximum budget. Budget 1.00 kB was not met by 200 kB.';
    const error = '\u2718 [ERROR] TS2339: Property "x" does not exist on type "App". [plugin angular-compiler]';
    expect(complaintsIn(`Initial total | 1 kB\n\n${warning}\n\n${error}\n`)).toEqual([warning, error]);
  });

  it('is found out where it complains on the console, throws or leaves a rejection', async () => {
    const tab = await open();
    // Angular tells on the console what nobody caught.
    const told = ['one', 'two', 'three'].map((text) =>
      tab.page.waitForEvent('console', (message) => message.text().includes(text)),
    );
    await tab.page.evaluate(() => {
      globalThis['console'].error('one');
      setTimeout(() => {
        throw new Error('two');
      });
      void Promise.reject(new Error('three'));
    });
    await Promise.all(told);
    expect(
      tab.faults
        .splice(0)
        .map((fault) => /one|two|three/.exec(fault)?.[0])
        .sort(),
    ).toEqual(['one', 'three', 'two']);
  });

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
    await alice.hears(/Nothing was lost/);
    await alice.sees('two', 'acked');
    expect(await bob.texts()).toEqual(expect.arrayContaining(['one', 'two', 'three']));
    expect((await alice.texts()).sort()).toEqual(['one', 'three', 'two']);
    expect((await bob.texts()).sort()).toEqual(['one', 'three', 'two']);
    expect(events('resumed')).toBe(1);
  });

  it('waits while the server is away, sends then what was written, and comes back at once when asked', async () => {
    const [alice, bob] = await talking();
    server.server.stop();
    await alice.hears(/restarting|cannot be reached/);
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
    await alice.hears(/Back online/);
  });

  it('counts down to the next attempt', async () => {
    const alice = await signedIn('alice');
    server.server.stop();
    await alice.hears(/Trying again in \d+ s/);
    server.server.start();
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
    await page.getByText('No conversation open').waitFor();
    // Back where it began.
    await page.locator('nav button:focus').waitFor();
  });

  describe.each([
    ['desktop', 1100, 720],
    ['phone', 390, 780],
  ] as const)('looks well: %s', (size, width, height) => {
    it.each(['light', 'dark'] as const)('%s', async (theme) => {
      const options = { width, height, dark: theme === 'dark' };
      const shot = async (tab: ChatTab, name: string) => {
        await tab.shoot(`${name}-${size}-${theme}`);
        expect([name, await tab.inaccessible()]).toEqual([name, []]);
      };
      const tab = await open(options);
      await shot(tab, '1-sign-in');
      await tab.fill('localhost', '');
      await tab.page.getByRole('button', { name: 'Sign in' }).click();
      await tab.page.getByText('An address has a name and a domain').waitFor();
      await shot(tab, '2-wrong-address');
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
      await tab.page.getByRole('button', { name: 'Add a contact' }).click();
      await tab.page.locator('#add:focus').waitFor();
      await tab.page.keyboard.type('nobody');
      await tab.page.keyboard.press('Enter');
      await tab.page.getByText('Enter an address like').waitFor();
      await shot(tab, '3-add-a-contact');
      await tab.page.keyboard.press('Escape');
      await tab.talkTo('bob');
      await tab.say('Yes! Reading through it now. The reconnecting is the part that I have been waiting for.');
      await bob.say('Pull the plug and watch what the ticks do');
      await tab.say('Ha, nothing was lost');
      await tab.sees('Ha, nothing was lost', 'acked');
      await bob.say('Bravo!');
      await tab.sees('Bravo!');
      await shot(tab, '4-conversation');
      server.server.stop();
      // Long enough for a picture.
      await tab.banner(/Trying again in ([2-9]|\d\d) s/).waitFor();
      await tab.say('This one waits');
      await tab.sees('This one waits', 'queued');
      await shot(tab, '5-waiting');
      server.server.start();
      await tab.page
        .getByRole('button', { name: 'Retry now' })
        .click({ timeout: 3000 })
        .catch(() => undefined);
      await tab.hears(/Back online/);
      await tab.sees('This one waits', 'acked');
      await shot(tab, '6-back');
    });
  });
});
