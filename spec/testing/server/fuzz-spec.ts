import fc from 'fast-check';
import { b64, HEADER, testServer } from '../support/test-pipe.js';

const SASL = `xmlns='urn:ietf:params:xml:ns:xmpp-sasl'`;
const CONVERSATION = [
  HEADER,
  `<auth ${SASL} mechanism='SCRAM-SHA-1'>${b64('n,,n=alice,r=x')}</auth>`,
  `<response ${SASL}>${b64('c=biws,r=x,p=AAAA')}</response>`,
  `<auth ${SASL} mechanism='PLAIN'>${b64('\0alice\0wonder')}</auth>`,
  HEADER,
  `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>`,
  `<enable xmlns='urn:xmpp:sm:3' resume='true'/>`,
  `<presence><priority>1</priority></presence>`,
  `<message to='bob@example.org'><body>x</body></message>`,
  `<message to='echo@example.org'><body>x</body></message>`,
  `<iq type='get' id='p'><query xmlns='jabber:iq:roster'/></iq>`,
  `<r xmlns='urn:xmpp:sm:3'/>`,
  `<a xmlns='urn:xmpp:sm:3' h='1'/>`,
  `</stream:stream>`,
];

describe('the server, told anything', () => {
  it('never throws, and neither writes nor ends twice', () => {
    // Each step is said, left out, said twice, or spoilt at some place.
    const step = fc.oneof(
      { weight: 12, arbitrary: fc.constant((text: string) => text) },
      fc.constant(() => ''),
      fc.constant((text: string) => text + text),
      fc
        .tuple(
          fc.nat(),
          fc.nat(40),
          fc.constantFrom('', '<', '>', "'", '\0', '&x;', 'ü', '\ud800', '@', '/', '0', '<a/>'),
        )
        .map(([at, length, spoilt]) => (text: string) => {
          const place = at % text.length;
          return text.slice(0, place) + spoilt + text.slice(place + length);
        }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { minLength: CONVERSATION.length, maxLength: CONVERSATION.length }),
        fc.boolean(),
        (steps, cut) => {
          const { server, connect, online, pass } = testServer();
          const bob = online('bob', 'desk');
          const pipe = connect();
          CONVERSATION.forEach((text, index) => pipe.send(steps[index]!(text)));
          if (cut) pipe.close();
          pass(400_000);
          expect(server.connections).toBeLessThanOrEqual(2);
          bob.send(`<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>`);
          expect(bob.take()).toContain(`<iq type='result' id='1'`);
          server.stop();
          expect(server.sessions).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });
});
