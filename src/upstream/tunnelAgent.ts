import { request as httpRequest } from 'node:http';
import type { RequestOptions } from 'node:http';
import type { AgentOptions } from 'node:https';
import { Agent, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';

interface TunnelAgentOptions extends AgentOptions {
  readonly proxyUrl: string;
  readonly connectTimeoutMs: number;
}

type ConnectionCallback = (error: Error | null, connection: Duplex) => void;

/** Its code is the failure reason in the log. */
class TunnelError extends Error {
  readonly code: string;

  constructor(code: string) {
    super('The proxy did not open a tunnel.');
    this.code = code;
  }
}

const authorizationOf = ({ username, password }: URL): Readonly<Record<string, string>> => {
  if (username === '' && password === '') return {};
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
};

/**
 * Connects through an HTTP proxy (`CONNECT`). TLS is established with the server itself, so that the proxy sees no request. Node's own
 * agents have this from version 24.5 on.
 */
export class TunnelAgent extends Agent {
  readonly #proxy: URL;
  readonly #connectTimeoutMs: number;

  constructor({ proxyUrl, connectTimeoutMs, ...options }: TunnelAgentOptions) {
    super(options);
    this.#proxy = new URL(proxyUrl);
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  override createConnection(options: RequestOptions, callback?: ConnectionCallback): undefined {
    const { protocol, hostname, port } = this.#proxy;
    const target = `${options.host ?? ''}:${options.port ?? ''}`;
    const connect = protocol === 'https:' ? httpsRequest : httpRequest;
    const request = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port,
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...authorizationOf(this.#proxy) },
      timeout: this.#connectTimeoutMs,
      agent: false,
    });
    // Without a connection the callback takes no second argument, which the types do not express.
    const fail = (error: Error) =>
      void Reflect.apply(callback ?? (() => undefined), undefined, [error]);
    request.once('error', fail);
    request.once('timeout', () => request.destroy(new TunnelError('PROXY_TIMEOUT')));
    request.once('connect', ({ statusCode = 0 }, socket) => {
      if (statusCode !== 200) {
        socket.destroy();
        fail(new TunnelError(`PROXY_STATUS_${statusCode}`));
        return;
      }
      socket.setTimeout(0);
      // `socket` is an option of `tls.connect`, to which the options are passed.
      const tunnelOptions: RequestOptions & Pick<ConnectionOptions, 'socket'> = {
        ...options,
        socket,
      };
      const connection = super.createConnection(tunnelOptions);
      if (connection) callback?.(null, connection);
    });
    request.end();
    return undefined;
  }
}
