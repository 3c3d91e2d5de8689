import { startServerAsync } from '../../lib/testing-node.js';
import { buildApp } from './build-app.js';
import { serveApp } from './serve-app.js';

const ACCOUNTS = { alice: 'wonderland', bob: 'builder' };

/** `npm run chat [PORT]`: the chat app, with a server that lives as long as this process. */
async function main(port: number): Promise<void> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const folder = buildApp(say);
  const server = await startServerAsync({ accounts: ACCOUNTS, port: 0, directPort: false, secureWebSocketPort: false });
  const app = await serveApp(folder, () => Number(new URL(server.webSocketUrl).port), port).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return serveApp(folder, () => Number(new URL(server.webSocketUrl).port));
  });
  say(`
  The chat is at ${app.url}
${Object.entries(ACCOUNTS)
  .map(([name, password]) => `    ${`${name}@${server.domain}`.padEnd(18)} ${password}`)
  .join('\n')}
  Open it twice to talk to yourself; the contact "echo" answers always. Type
    cut      to cut all connections: they come back, and nothing is lost
    down     to stop the server, and   up   to start it again
  and Ctrl+C to end.
`);
  process.stdin.setEncoding('utf8').on('data', (line: string) => {
    const command = line.trim();
    if (command === 'cut') say(`  cut ${server.server.cut()} connection(s)`);
    else if (command === 'down') server.server.stop();
    else if (command === 'up') server.server.start();
  });
  const end = () => {
    process.stdin.destroy();
    void Promise.all([app.close(), server.close()]);
  };
  process.once('SIGINT', end).once('SIGTERM', end);
}

void main(Number(process.argv[2] ?? 4200)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
