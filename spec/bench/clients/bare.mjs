// The ceiling: what takes least with this machine and these servers. It is no client: it knows what the server will say,
// checks next to nothing, and can do only what `iq-sequential` and `online-websocket` need.
import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';

export const open = ({ url, ...where }) => (url ? overWebSocket(url, where) : overTcp(where));

/** Anonymous, with the replay server. */
async function overTcp({ host, port }) {
  const socket = connect({ host, port, noDelay: true });
  socket.setEncoding('latin1');
  let told;
  socket.on('data', (data) => told(data));
  const exchange = (text, end) =>
    new Promise((resolve) => {
      told = (data) => data.includes(end) && resolve();
      socket.write(text);
    });
  const header = `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>`;
  await exchange(header, '</stream:features>');
  await exchange(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>`, '<success');
  await exchange(header, '</stream:features>');
  await exchange(`<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`, '</iq>');
  let count = 0;
  return {
    request(next) {
      told = (data) => next(/<name>(\w+)/.exec(data)[1]);
      socket.write(`<iq type='get' id='${count++}'><query xmlns='jabber:iq:version'/></iq>`);
    },
    close: () => socket.destroy(),
  };
}

/** SCRAM-SHA-1 and bind, with the fewest round trips that need nothing said ahead. */
async function overWebSocket(url, { domain, username, password }) {
  const socket = new WebSocket(url, 'xmpp', { perMessageDeflate: false });
  const frames = [];
  let waiting;
  socket.on('message', (data) => {
    frames.push(data.toString());
    waiting?.();
  });
  const frame = async () => {
    while (frames.length === 0) await new Promise((resolve) => (waiting = resolve));
    return frames.shift();
  };
  const base64 = (text) => Buffer.from(text).toString('base64');
  const content = (text) => Buffer.from(/>([^<]*)</.exec(text)[1], 'base64').toString();
  const hmac = (key, text) => createHmac('sha1', key).update(text).digest();
  const header = `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='${domain}' version='1.0'/>`;
  const begin = async () => {
    socket.send(header);
    await frame();
    await frame();
  };
  await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
  await begin();
  const bare = `n=${username},r=${base64(randomBytes(18))}`;
  socket.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>${base64(`n,,${bare}`)}</auth>`);
  const challenge = content(await frame());
  const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(challenge);
  const salted = await promisify(pbkdf2)(password, Buffer.from(salt, 'base64'), Number(iterations), 20, 'sha1');
  const clientKey = hmac(salted, 'Client Key');
  const ours = `c=biws,r=${nonce}`;
  const signature = hmac(createHash('sha1').update(clientKey).digest(), `${bare},${challenge},${ours}`);
  const proof = clientKey.map((octet, i) => octet ^ signature[i]);
  socket.send(
    `<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${base64(`${ours},p=${proof.toString('base64')}`)}</response>`,
  );
  const success = await frame();
  if (!success.startsWith('<success')) throw new Error(success);
  await begin();
  socket.send(`<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`);
  const bound = await frame();
  if (!bound.includes('<jid>')) throw new Error(bound);
  return {
    close: () =>
      new Promise((resolve) => {
        socket.on('close', resolve);
        socket.send(`<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>`);
        socket.close();
      }),
  };
}
