import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tcp } from '../../../lib/node.js';
import type { RealServer } from '../../servers/index.js';
import { attempt, close, disconnectAll, optionsFor } from '../support/attempt.js';
import type { Topic } from '../support/topic.js';

/** What is dialled by a path. */
export const unixSocket: Topic = {
  title: 'a unix socket',
  specs: (_name, running) => {
    let server: RealServer;
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'rxmpp-unix-'));
      server = running();
    });
    afterEach(disconnectAll);
    afterAll(() => rmSync(folder, { recursive: true }));

    it('is dialled by its path, through a proxy', async () => {
      const path = join(folder, 'socket');
      const proxy = createServer((socket) => {
        const onward = connect(server.ports.c2s, server.host);
        socket.pipe(onward).pipe(socket);
        for (const end of [socket, onward]) {
          end.on('error', () => undefined).on('close', () => (end === socket ? onward : socket).destroy());
        }
      });
      await new Promise<void>((resolve) => proxy.listen(path, resolve));
      try {
        const made = attempt(optionsFor(server, 'alice', { transport: tcp({ path, tls: { ca: server.ca } }) }));
        const session = await made.online();
        expect(made.events).toEqual(expect.arrayContaining(['securing', 'secured']));
        await close(session);
      } finally {
        await new Promise((resolve) => proxy.close(resolve));
      }
    });
  },
};
