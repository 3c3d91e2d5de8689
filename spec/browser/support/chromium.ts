import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:tls';
import { chromium, type Browser } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Debian's Chromium, which talks to nobody but us. */
export function launchChromium(...more: readonly string[]): Promise<Browser> {
  const executablePath = PLACES.find((place) => existsSync(place));
  return chromium.launch({
    executablePath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      // Where there is little shared memory, as in containers.
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...more,
    ],
    // A busy machine is no failure.
    timeout: 120_000,
  });
}

/**
 * For Chromium: this name leads to this machine, where port 443 is another one, and the certificate shown there is to be trusted,
 * of all that Chromium does not know.
 */
export async function trusted(domain: string, port: number): Promise<string[]> {
  return [
    `--ignore-certificate-errors-spki-list=${await keyOf(domain, port)}`,
    `--host-resolver-rules=MAP ${domain}:443 127.0.0.1:${port}, MAP ${domain} 127.0.0.1`,
  ];
}

/** The public key of whoever listens there, as Chromium wants it. */
async function keyOf(domain: string, port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, servername: domain, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const key = socket.getPeerX509Certificate()!.publicKey.export({ type: 'spki', format: 'der' });
  socket.destroy();
  return createHash('sha256').update(key).digest('base64');
}
