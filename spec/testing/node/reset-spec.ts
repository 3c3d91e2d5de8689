import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { reset } from '../../../lib/testing/node/reset.js';

/** Both ends of a connection. */
async function pair(): Promise<{ near: Socket; far: Socket; close: () => void }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const far = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [near] = (await once(server, 'connection')) as [Socket];
  near.on('error', () => undefined);
  return { near, far, close: () => (far.destroy(), server.close()) };
}

describe('reset', () => {
  it('drops a connection so that the peer knows', async () => {
    const { near, far, close } = await pair();
    const lost = once(far, 'error');
    reset(near);
    expect(await lost).toMatchObject([{ code: 'ECONNRESET' }]);
    close();
  });

  it.each([
    ['whose end is on its way out', (near: Socket) => void near.end()],
    ['with octets before its end', (near: Socket) => void near.end('x'.repeat(100_000))],
    ['that is destroyed already', (near: Socket) => void near.destroy()],
  ])('releases one %s', async (_name, before) => {
    const { near, close } = await pair();
    const closed = once(near, 'close');
    before(near);
    reset(near);
    await closed;
    expect(near.destroyed).toBe(true);
    close();
  });

  it('heeds the end of what lies above', async () => {
    const { near, close } = await pair();
    const closed = once(near, 'close');
    near.end();
    reset(near, { writableEnded: true, writableFinished: false } as Socket);
    await closed;
    close();
  });
});
