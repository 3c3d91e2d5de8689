import { createServer, type AddressInfo, type Server } from 'node:net';

const listen = () =>
  new Promise<Server>((resolve, reject) => {
    const server = createServer()
      .once('error', reject)
      .listen(0, '127.0.0.1', () => resolve(server));
  });

/** Ports of the loopback that nobody listens on, each another one. */
export async function freePorts(count: number): Promise<number[]> {
  // All are held until all are known, or the kernel could name one twice.
  const servers = await Promise.all(Array.from({ length: count }, listen));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}
