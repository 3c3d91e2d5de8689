import { createHash, X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket, type TLSSocketOptions } from 'node:tls';
import type { ServerChannelBinding, ServerPipe } from '../server/server-pipe.js';
import { reset } from './reset.js';

/** A TCP connection as the server sees it. TLS is started on it by `startTls`, at once or after STARTTLS. */
export class SocketPipe implements ServerPipe {
  readonly #raw: Socket;
  readonly #tlsOptions: TLSSocketOptions;
  /** The server's own certificate and that of its CA, PEM. */
  readonly #certificate: string;
  readonly #authority: string;
  #socket: Socket;
  #secure: TLSSocket | undefined;
  #shaking = false;
  #onData: (data: Uint8Array) => void = () => undefined;
  #onClose: (error?: unknown) => void = () => undefined;
  #error: unknown;

  constructor(raw: Socket, tlsOptions: TLSSocketOptions, certificate: string, authority: string) {
    this.#raw = this.#socket = raw;
    this.#tlsOptions = tlsOptions;
    this.#certificate = certificate;
    this.#authority = authority;
    raw.setNoDelay(true);
    // An error is always followed by `close`, which tells it on.
    raw.on('error', (error) => (this.#error ??= error));
    raw.once('close', () => this.#onClose(this.#error));
    raw.on('data', this.#forward);
  }

  write(data: string | Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(data);
  }

  end(): void {
    this.#socket.end();
  }

  /** A reset, as a cut is: the client must not take it for a proper end. */
  destroy(): void {
    reset(this.#raw, this.#socket);
    this.#secure?.destroy();
  }

  /** Closes once what was written has gone out, which a client that reads no more may prevent: then after a second. */
  release(): void {
    const raw = this.#raw;
    if (raw.destroyed) return;
    const timer = setTimeout(() => raw.destroy(), 1000);
    raw.once('close', () => clearTimeout(timer));
    // A handshake that is not done yet has nothing to finish.
    if (this.#socket.writableFinished || this.#shaking) raw.destroy();
    else this.#socket.once('finish', () => raw.destroy()).end();
  }

  startTls(): void {
    this.#raw.off('data', this.#forward);
    const secure = new TLSSocket(this.#raw, { ...this.#tlsOptions, isServer: true });
    this.#secure = this.#socket = secure;
    this.#shaking = true;
    secure.once('secure', () => (this.#shaking = false));
    secure.on('error', (error) => {
      this.#error ??= error;
      this.#raw.destroy();
    });
    secure.on('data', this.#forward);
  }

  clientIdentities(): readonly string[] {
    // Only what our CA has issued is vouched for. (`authorized` is set for sockets of a `tls.Server` alone.)
    const { raw } = this.#secure?.getPeerCertificate() ?? {};
    if (!raw) return [];
    const certificate = new X509Certificate(raw);
    const now = Date.now();
    const valid = Date.parse(certificate.validFrom) <= now && now <= Date.parse(certificate.validTo);
    const authority = new X509Certificate(this.#authority);
    if (!valid || !certificate.verify(authority.publicKey)) return [];
    return /^CN=(.+)$/m.exec(certificate.subject)?.slice(1) ?? [];
  }

  channelBinding(type: ServerChannelBinding): Uint8Array | undefined {
    if (!this.#secure || this.#raw.destroyed) return undefined;
    // Our certificates are signed with SHA-256, which is the hash to take then (RFC 5929 section 4.1).
    if (type === 'tls-server-end-point')
      return createHash('sha256').update(new X509Certificate(this.#certificate).raw).digest();
    // RFC 9266 section 4.2 allows it below TLS 1.3 only with what Node does not tell.
    if (this.#secure.getProtocol() !== 'TLSv1.3') return undefined;
    return this.#secure.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
  }

  onData(listener: (data: Uint8Array) => void): void {
    this.#onData = listener;
  }

  onClose(listener: (error?: unknown) => void): void {
    this.#onClose = listener;
  }

  readonly #forward = (data: Uint8Array): void => this.#onData(data);
}
