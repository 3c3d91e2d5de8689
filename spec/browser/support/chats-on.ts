import type { Browser } from 'playwright-core';
import { buildApp } from '../build-app.js';
import { serveApp, type ServedApp } from '../serve-app.js';
import { backends, DOMAIN, PASSWORDS, type Account, type Backend } from './backend.js';
import { ChatTab } from './chat-tab.js';
import { launchChromium, trusted } from './chromium.js';

type Way = 'ws' | 'wss';

/** How long the app waits for a sign of life, in milliseconds: what the library does by default. */
const PROBE = 15_000;

/**
 * The chat in Chromium on a server: each spec over both ways, `ws:` on the page's own origin, as a web server in front of both
 * offers it, and `wss:` to another host.
 */
export function chatsOn(name: keyof typeof backends): void {
  let backend: Backend;
  let browser: Browser;
  let app: ServedApp;
  const tabs: ChatTab[] = [];

  beforeAll(async () => {
    const folder = buildApp();
    backend = await backends[name]();
    app = await serveApp(folder, () => backend.ws.port);
    browser = await launchChromium(...(await trusted(DOMAIN, backend.hostMetaPort ?? backend.wss.port)));
    await befriend();
  }, 600_000);
  afterAll(async () => {
    await browser?.close();
    await app?.close();
    await backend?.stop();
  });
  afterEach(async () => {
    // In good order: what is kept for a session that might be resumed would be sent again later.
    await Promise.all(tabs.map((tab) => tab.signOut()));
    const faults = tabs.flatMap((tab) => tab.faults);
    await Promise.all(tabs.splice(0).map((tab) => tab.close()));
    expect(faults).toEqual([]);
  });

  const open = async (): Promise<ChatTab> => {
    const tab = await ChatTab.open(browser, app.url);
    tabs.push(tab);
    return tab;
  };
  const addressOf = (way: Way) =>
    way === 'ws' ? '/xmpp-websocket' : `wss://${DOMAIN}:${backend.wss.port}/xmpp-websocket`;
  const signIn = (tab: ChatTab, account: Account, way: Way, password: string = PASSWORDS[account]) =>
    tab.signIn(`${account}@${DOMAIN}`, password, addressOf(way));
  const signedIn = async (account: Account, way: Way): Promise<ChatTab> => {
    const tab = await open();
    await signIn(tab, account, way);
    return tab;
  };
  /** Alice over `ws:`, Bob over `wss:`. */
  const talking = async (): Promise<[alice: ChatTab, bob: ChatTab]> => {
    const both = await Promise.all([signedIn('alice', 'ws'), signedIn('bob', 'wss')]);
    await both[0].talkTo('bob');
    await both[1].talkTo('alice');
    return both;
  };
  const befriend = async (): Promise<void> => {
    const [alice, bob] = await Promise.all([signedIn('alice', 'ws'), signedIn('bob', 'wss')]);
    if (name !== 'the embedded server') {
      await alice.page.getByRole('button', { name: 'Add a contact' }).click();
      await alice.page.getByLabel('Add a contact', { exact: true }).last().fill(`bob@${DOMAIN}`);
      await alice.page.getByRole('button', { name: 'Ask' }).click();
      await bob.page.getByRole('button', { name: 'Accept' }).click();
      await alice.page.getByRole('button', { name: 'Accept' }).click();
    }
    await alice.contact('bob').filter({ hasText: 'online' }).waitFor();
    await bob.contact('alice').filter({ hasText: 'online' }).waitFor();
    await Promise.all([alice.signOut(), bob.signOut()]);
    await Promise.all(tabs.splice(0).map((tab) => tab.close()));
  };

  it('signs in by SCRAM, and talks both ways', async () => {
    const [alice, bob] = await talking();
    await alice.say('Good morning, Bob!');
    await bob.sees('Good morning, Bob!');
    await bob.say('And to you — 你好 🐈 <&>');
    await alice.sees('And to you — 你好 🐈 <&>');
    await alice.sees('Good morning, Bob!', 'acked');
    await bob.sees('And to you', 'acked');
  });

  it('says that the password is wrong, and signs in with the right one', async () => {
    await Promise.all(
      (['ws', 'wss'] as const).map(async (way) => {
        const tab = await open();
        await tab.fill(`alice@${DOMAIN}`, 'wrong', addressOf(way));
        await tab.page.getByRole('button', { name: 'Sign in' }).click();
        await tab.page.getByText('The address or the password is wrong.').waitFor();
        await tab.signIn(`alice@${DOMAIN}`, PASSWORDS.alice);
      }),
    );
  });

  it('resumes after the socket is cut, and loses nothing', async () => {
    const [alice, bob] = await talking();
    await alice.say('cut: one');
    await bob.sees('cut: one');
    // What is on its way in either direction when it happens arrives all the same, once.
    await Promise.all([alice.say('cut: two'), bob.say('cut: three')]);
    backend.ws.cut();
    backend.wss.cut();
    await Promise.all([alice.say('cut: four'), bob.say('cut: five')]);
    await Promise.all([alice, bob].map((tab) => tab.hears(/Nothing was lost/)));
    await Promise.all(['cut: two', 'cut: four'].flatMap((text) => [alice.sees(text, 'acked'), bob.sees(text)]));
    await Promise.all(['cut: three', 'cut: five'].flatMap((text) => [bob.sees(text, 'acked'), alice.sees(text)]));
    const all = ['cut: five', 'cut: four', 'cut: one', 'cut: three', 'cut: two'];
    for (const tab of [alice, bob]) {
      expect((await tab.texts()).filter((text) => text.startsWith('cut:')).sort()).toEqual(all);
    }
  });

  it('comes back after the server was restarted, and sends then what was written meanwhile', async () => {
    const [alice, bob] = await talking();
    // Bob comes back after Alice: what arrives in the very moment in which its receiver does, ejabberd keeps for the next time.
    await bob.stopTime();
    const restarted = backend.restart();
    await alice.hears(/./);
    await alice.say('written meanwhile');
    await restarted;
    await alice.hears(/Back online/);
    await alice.sees('written meanwhile', 'acked');
    await bob.startTime();
    await bob.hears(/Back online/);
    await bob.sees('written meanwhile');
    await bob.say('and after');
    await alice.sees('and after');
  });

  it('waits for the network, unless the server is on the same machine', async () => {
    const [alice, bob] = await talking();
    const both = [alice, bob];
    // The network goes and tells no server: the browser is asked for a sign of life, once.
    backend.ws.mute();
    backend.wss.mute();
    await Promise.all(both.map((tab) => tab.context.setOffline(true)));
    await Promise.all(both.map((tab) => tab.pass(PROBE)));
    await bob.hears(/There is no network/);
    await alice.hears(/Trying again/);
    await Promise.all(both.map((tab) => tab.context.setOffline(false)));
    await Promise.all(both.map((tab) => tab.hears(/Back online/)));
    await alice.say('are you there?');
    await bob.sees('are you there?');
    expect((await alice.told()).filter((text) => text.includes('no network'))).toEqual([]);
  });

  it('knows within one probe that its link is dead when a page that was hidden, or frozen, is shown again', async () => {
    const [alice, bob] = await talking();
    const both = [alice, bob];
    await Promise.all([alice.freeze(), bob.hide()]);
    // Half open: nobody has told the browser.
    backend.ws.mute();
    backend.wss.mute();
    await Promise.all(both.map((tab) => tab.stopTime()));
    await Promise.all([alice.thaw(), bob.show()]);
    await Promise.all(both.map((tab) => tab.pass(PROBE - 1)));
    expect(await Promise.all(both.map((tab) => tab.told()))).toEqual([[''], ['']]);
    await Promise.all(both.map((tab) => tab.pass(1)));
    await Promise.all(both.map((tab) => tab.startTime()));
    await Promise.all(both.map((tab) => tab.hears(/did not answer in time|Connecting|Picking up/)));
    await Promise.all(both.map((tab) => tab.hears(/Back online/)));
    await bob.say('still here');
    await alice.sees('still here');
  });

  it('goes on where it is when a page that was hidden, or frozen, is shown again and its link lives', async () => {
    const [alice, bob] = await talking();
    const both = [alice, bob];
    const connections = () => [backend.ws.connections, backend.wss.connections];
    const before = connections();
    await Promise.all([alice.freeze(), bob.hide()]);
    await alice.say('are you still there?');
    await Promise.all([alice.thaw(), bob.show()]);
    await bob.sees('are you still there?');
    await alice.sees('are you still there?', 'acked');
    await Promise.all(both.map((tab) => tab.pass(PROBE)));
    await bob.say('always');
    await alice.sees('always');
    expect([connections(), await alice.told(), await bob.told()]).toEqual([before, [''], ['']]);
  });

  it('works in two tabs of one browser, as two sessions', async () => {
    const first = await signedIn('alice', 'ws');
    const second = await ChatTab.in(first.context, app.url);
    tabs.push(second);
    await signIn(second, 'alice', 'wss');
    const bob = await signedIn('bob', 'wss');
    await bob.talkTo('alice');
    await bob.say('to all of you');
    for (const tab of [first, second]) {
      await tab.talkTo('bob');
      await tab.sees('to all of you');
    }
    await second.say('from the second');
    await bob.sees('from the second');
    // The one outlives the other.
    await second.signOut();
    await first.say('from the first');
    await bob.sees('from the first');
  });

  if (name !== 'prosody') {
    it('finds the server by its domain alone (XEP-0156)', async () => {
      const alice = await open();
      await alice.signIn(`alice@${DOMAIN}`, PASSWORDS.alice, '');
      await alice.contact('bob').waitFor();
    });
  }
}
