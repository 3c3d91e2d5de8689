// What a worker can be asked to measure, whichever the client. Everything delivered is counted, and looked at.
import { cpu, median, memory, since } from './usage.mjs';
import { linear, parse } from './parsing.mjs';
import { roundTrips } from './round-trips.mjs';
import { size } from './size.mjs';
import { BODY } from './stanzas.mjs';

const clientOf = (name) => import(`./clients/${name.split(' ')[0]}.mjs`);
const address = ({ tcp, ws }, transport) =>
  transport === 'ws'
    ? { url: `ws://127.0.0.1:${ws}/`, domain: 'localhost' }
    : { host: '127.0.0.1', port: tcp, domain: 'localhost' };

/** Counts messages until `done`, and looks into one of 64: the cost of looking is no part of what is compared. */
function counter(body) {
  let count = 0;
  let settle;
  return {
    onMessage: (message, text) => {
      if ((count & 63) === 0 && settle && count < settle.count) check(text(message), body);
      count++;
      if (settle && count > settle.count) {
        const told = Number(text(message));
        settle.told === told ? settle.resolve() : settle.reject(new Error(`${count} messages, and then '${told}'`));
        settle = undefined;
      }
    },
    /** `count` messages and the one that tells of the end. */
    await: (messages, told = messages) => {
      count = 0;
      return new Promise((resolve, reject) => (settle = { count: messages, told, resolve, reject }));
    },
    seen: () => count - 1,
  };
}

function check(text, body) {
  if (!text?.startsWith(body)) throw new Error(`a message came without its text: ${String(text).slice(0, 40)}`);
}

export const tasks = {
  parse,
  linear,
  roundTrips,
  size,

  /** Nothing but loading: for the modules that are in the cache of the system afterwards. */
  async load(client) {
    await clientOf(client);
    return {};
  },

  async receive(client, { transport, kind, warmUp, count, ...server }) {
    const { open } = await clientOf(client);
    const counting = counter(kind === 'chat' ? BODY : 'He jests');
    const session = await open({ ...address(server, transport), onMessage: counting.onMessage });
    const blast = async (messages) => {
      const delivered = counting.await(messages);
      session.send(`blast-${kind}-${messages}@localhost`, 'go', 'go');
      await delivered;
      if (counting.seen() !== messages) throw new Error(`${counting.seen()} of ${messages} were delivered`);
    };
    await blast(warmUp);
    const before = cpu();
    const begun = performance.now();
    await blast(count);
    const { all, main } = since(before);
    const scale = 1000 / count;
    return { value: all * scale, main: main * scale, perSecond: count / ((performance.now() - begun) / 1000) };
  },

  async send(client, { transport, warmUp, count, burst = 100, ...server }) {
    const { open } = await clientOf(client);
    const counting = counter('');
    const many = client.includes('sendMany');
    const session = await open({ ...address(server, transport), onMessage: counting.onMessage });
    const run = async (messages) => {
      session.send(`expect-${messages}@localhost`, 'go', 'go');
      const delivered = counting.await(0);
      // In turns of the event loop, as an application would: what is sent in one turn may go out together.
      for (let i = 0; i < messages; i += burst) {
        if (many) {
          session.sendMany(Array.from({ length: burst }, (_, k) => ['bob@localhost', `m${i + k}`, BODY + (i + k)]));
        } else for (let k = i; k < i + burst; k++) session.send('bob@localhost', `m${k}`, BODY + k);
        await new Promise(setImmediate);
      }
      await delivered;
    };
    await run(warmUp);
    const before = cpu();
    await run(count);
    const { all, main } = since(before);
    return { value: (all * 1000) / count, main: (main * 1000) / count };
  },

  async iq(client, { transport, warmUp, count, inFlight, noDelay, ...server }) {
    const { open } = await clientOf(client);
    const session = await open({ ...address(server, transport), noDelay });
    const latencies = [];
    const run = (requests) =>
      new Promise((resolve, reject) => {
        latencies.length = 0;
        let left = requests;
        let answered = 0;
        const next = (name) => {
          if (name !== 'replay') reject(new Error(`the answer is '${name}'`));
          if (++answered === requests) resolve();
          else if (left > 0) ask();
        };
        const ask = () => {
          left--;
          if (inFlight > 1) return session.request(next, reject);
          const begun = performance.now();
          session.request((name) => {
            latencies.push(performance.now() - begun);
            next(name);
          }, reject);
        };
        for (let i = 0; i < inFlight; i++) ask();
      });
    await run(warmUp);
    const before = cpu();
    const begun = performance.now();
    await run(count);
    const { all, main } = since(before);
    const perSecond = count / ((performance.now() - begun) / 1000);
    const scale = 1000 / count;
    // The median of them all: what else the machine does is no part of it.
    const wall = inFlight > 1 ? undefined : median(latencies) * 1000;
    return { value: all * scale, main: main * scale, perSecond, wall };
  },

  /** Time to online on Prosody, again and again in one process, each with a client of its own; the first one is told apart. */
  async online(client, { transport, runs, ports, username, password, domain }) {
    const { open } = await clientOf(client);
    const where =
      transport === 'ws'
        ? { url: `ws://127.0.0.1:${ports.http}/xmpp-websocket` }
        : { host: '127.0.0.1', port: ports.c2s };
    const wall = [];
    const all = [];
    const main = [];
    for (let i = 0; i <= runs; i++) {
      const before = cpu();
      const begun = performance.now();
      const session = await open({ ...where, domain, username, password });
      wall.push(performance.now() - begun);
      const used = since(before);
      all.push(used.all);
      main.push(used.main);
      await session.close();
    }
    const later = (list) => median(list.slice(1));
    return { value: later(all), main: later(main), wall: later(wall), first: { cpu: all[0], wall: wall[0] } };
  },

  async idle(client, { transport, sessions, ...server }) {
    const { open } = await clientOf(client);
    const where = address(server, transport);
    const kept = [];
    const connect = async (count) => {
      // Ten at a time: what a burst needs is not what a session keeps.
      while (count > 0) {
        kept.push(...(await Promise.all(Array.from({ length: Math.min(10, count) }, () => open(where)))));
        count -= 10;
      }
      // Timers of the handshake, and turns that still hold something.
      await new Promise((resolve) => setTimeout(resolve, 300));
    };
    await connect(50);
    const before = memory();
    await connect(sessions);
    const after = memory();
    if (kept.length !== sessions + 50) throw new Error(`${kept.length} sessions`);
    const each = (name) => (after[name] - before[name]) / sessions / 1024;
    return { value: each('heap'), rss: each('rss') };
  },

  /** One body of every 180 is kept, about one of each 64 KB that come. */
  async retained(client, { transport, count, ...server }) {
    const { open } = await clientOf(client);
    let kept = [];
    let n = 0;
    const counting = counter(BODY);
    const session = await open({
      ...address(server, transport),
      onMessage: (message, text) => {
        if (++n % 180 === 0) kept.push(text(message));
        counting.onMessage(message, text);
      },
    });
    const blast = async () => {
      const delivered = counting.await(count);
      session.send(`blast-chat-${count}@localhost`, 'go', 'go');
      await delivered;
    };
    await blast();
    kept = [];
    const before = memory();
    await blast();
    const after = memory();
    check(kept[3], BODY);
    return { value: (after.heap - before.heap) / kept.length / 1024, kept: kept.length };
  },
};
