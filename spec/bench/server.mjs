// The replay server, a process of its own: plain TCP and WebSocket, ANONYMOUS, bind, and then what the client asks for.
//
//   <message to='blast-KIND-COUNT@...'/>   sends COUNT prebuilt stanzas of that kind in one write, then a `done` message
//   <message to='expect-COUNT@...'/>       counts messages, and sends `done` when COUNT more have come
//   <iq .../>                              is answered with a software version (XEP-0092), without `from`
//
// It parses nothing: it looks for the few strings that the clients here send. Anything else is ignored.
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { WebSocketServer } from 'ws';
import { stanzas } from './stanzas.mjs';

const NS = "xmlns='jabber:client'";
const FEATURES_SASL = `<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms>`;
const FEATURES_BIND = `<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>`;
const VERSION = `<query xmlns='jabber:iq:version'><name>replay</name><version>1</version></query>`;

/** A WebSocket text frame, unmasked as a server's are. */
function frame(text) {
  const payload = Buffer.from(text);
  const head =
    payload.length < 126
      ? Buffer.from([0x81, payload.length])
      : payload.length < 65536
        ? Buffer.from([0x81, 126, payload.length >> 8, payload.length & 255])
        : Buffer.from([0x81, 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (payload.length >> shift) & 255)]);
  return Buffer.concat([head, payload]);
}

const framed = (text) => text.replace(/^<(message|presence|iq)/, `<$1 ${NS}`);
const done = (count) =>
  `<message type='chat' from='done@localhost' to='me@localhost/x' id='done'><body>${count}</body></message>`;

const blasts = new Map();
/** Prebuilt octets, made once. */
function blast(kind, count, frames) {
  const key = `${kind} ${count} ${frames}`;
  if (!blasts.has(key)) {
    const list = [...stanzas(kind, count), done(count)];
    blasts.set(key, frames ? Buffer.concat(list.map((text) => frame(framed(text)))) : Buffer.from(list.join('')));
  }
  return blasts.get(key);
}

/** One client. `write` takes an element as text, `raw` octets as they go out. */
function serve({ frames, write, raw, end }) {
  let rest = '';
  let authenticated = false;
  let bound = false;
  let expected = 0;
  let streams = 0;

  const open = () => {
    const id = `s${++streams}`;
    const features = `${authenticated ? FEATURES_BIND : FEATURES_SASL}`;
    if (frames) {
      write(`<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='localhost' id='${id}' version='1.0'/>`);
      write(`<stream:features xmlns:stream='http://etherx.jabber.org/streams' ${NS}>${features}</stream:features>`);
    } else {
      write(
        `<?xml version='1.0'?><stream:stream ${NS} xmlns:stream='http://etherx.jabber.org/streams' from='localhost' id='${id}' version='1.0'><stream:features>${features}</stream:features>`,
      );
    }
  };
  const element = /<(stream:stream|open|auth|iq|message|close|\/stream:stream)\b([^>]*)>/g;

  return (text) => {
    rest += text;
    let used = 0;
    let answers = '';
    element.lastIndex = 0;
    for (let match; (match = element.exec(rest));) {
      const [, name, attributes] = match;
      used = element.lastIndex;
      switch (name) {
        case 'stream:stream':
        case 'open':
          open();
          break;
        case 'auth':
          authenticated = true;
          write(`<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`);
          break;
        case 'iq': {
          const id = /\bid=["']([^"']*)/.exec(attributes)?.[1];
          if (!bound) {
            bound = true;
            write(
              `<iq ${NS} type='result' id='${id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>me@localhost/x</jid></bind></iq>`,
            );
          } else if (frames) write(`<iq ${NS} type='result' id='${id}'>${VERSION}</iq>`);
          else answers += `<iq type='result' id='${id}'>${VERSION}</iq>`;
          break;
        }
        case 'message': {
          if (expected > 0) {
            if (--expected === 0) write(frames ? framed(done(0)) : done(0));
            break;
          }
          const [, command, kind, count] = /\bto=["'](blast|expect)-(?:(\w+)-)?(\d+)@/.exec(attributes) ?? [];
          if (command === 'blast') raw(blast(kind, Number(count), frames));
          if (command === 'expect') expected = Number(count);
          break;
        }
        case 'close':
          write(`<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>`);
          end();
          break;
        case '/stream:stream':
          write('</stream:stream>');
          end();
      }
    }
    if (answers) write(answers);
    // What is left may be the beginning of a tag.
    const tag = rest.lastIndexOf('<');
    rest = tag >= used && !rest.includes('>', tag) ? rest.slice(tag) : '';
  };
}

const tcp = createTcpServer({ noDelay: true }, (socket) => {
  socket.setEncoding('latin1');
  socket.on('error', () => socket.destroy());
  const write = (data) => socket.writable && socket.write(data);
  socket.on('data', serve({ frames: false, write, raw: write, end: () => socket.end() }));
});
const http = createServer();
new WebSocketServer({ server: http, handleProtocols: () => 'xmpp', perMessageDeflate: false }).on(
  'connection',
  (socket) => {
    const handle = serve({
      frames: true,
      write: (text) => socket.readyState === 1 && socket.send(text),
      // Prebuilt frames go out as they are.
      raw: (octets) => socket._socket.write(octets),
      end: () => socket.close(),
    });
    socket.on('error', () => socket.terminate());
    socket.on('message', (data) => handle(data.toString('latin1')));
  },
);
tcp.listen(0, '127.0.0.1', () =>
  http.listen(0, '127.0.0.1', () => process.send({ tcp: tcp.address().port, ws: http.address().port })),
);
process.once('disconnect', () => process.exit());
