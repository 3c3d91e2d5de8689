import type { RealServer } from '../../servers/index.js';
import { mechanismsIn, overTcp, overTls } from '../support/features.js';
import type { Topic } from '../support/topic.js';

/** What the start-up code makes of a server by itself: what all others rely on. */
export const startUp: Topic = {
  title: 'a server with its defaults',
  specs: (_name, running) => {
    let server: RealServer;
    beforeAll(() => void (server = running()));

    it('insists on STARTTLS before it offers a mechanism', async () => {
      const features = await overTcp(server);
      expect(features).toMatch(/<starttls[^>]*>\s*<required\/>/);
      expect(mechanismsIn(features)).toEqual([]);
    });

    it('shows a certificate for its hosts on the port of direct TLS', async () => {
      expect(mechanismsIn(await overTls(server))).toContain('SCRAM-SHA-1');
      expect(mechanismsIn(await overTls(server, { to: server.anonymousDomain }))).toContain('ANONYMOUS');
    });

    it('is not trusted without its authority', async () => {
      await expect(overTls(server, { ca: '' })).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
    });
  },
};
