import type { Agent, ClientRequest } from 'node:http';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { TunnelAgent } from './tunnelAgent.ts';

declare module 'http' {
  interface Agent {
    /** Node calls it for each request while `http.request` runs. Undocumented, but all agents implement it. */
    addRequest(request: ClientRequest, options: object): void;
  }
}

/** A longer request may be sent in parts: a failed write does not prove then that nothing was sent. */
const maxSingleWriteBytes = 8_192;

const errorCodePattern = /^[A-Z][A-Z0-9_]{1,63}$/;

/** The code of an error of Node, of OpenSSL or of the tunnel, such as `ECONNREFUSED` or `CERT_HAS_EXPIRED`. */
const codeOf = (error: unknown): string | undefined =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  errorCodePattern.test(error.code)
    ? error.code
    : undefined;

/** How a request failed. */
interface ConnectionFailure {
  /** The error code of the cause. */
  readonly code: string | undefined;
  /** The connection was idle before and was lost before the first byte of the response. */
  readonly isStale: boolean;
  /** Nothing of the request was sent. */
  readonly isUnsent: boolean;
}

/** A request that node-fetch has started. */
export class PooledRequest {
  readonly #request: ClientRequest;
  /** The reused connection and what it had received before. */
  #reused: { readonly socket: Socket; readonly bytesRead: number } | undefined;
  #error: Error | undefined;
  #body: Readable | undefined;

  constructor(request: ClientRequest) {
    this.#request = request;
    const onError = (error: Error) => {
      this.#error ??= error;
      // node-fetch 2 does not notice when a response with a length is cut off.
      this.#body?.destroy(error);
    };
    request.on('error', onError);
    request.once('response', (response) => response.once('error', onError));
  }

  /** Whether the connection was idle before and has not returned anything since. */
  get isReusedAndUnanswered(): boolean {
    return this.#reused !== undefined && this.#reused.socket.bytesRead === this.#reused.bytesRead;
  }

  recordReuse(socket: Socket): void {
    this.#reused = { socket, bytesRead: socket.bytesRead };
  }

  /** The body fails when the connection is lost. */
  attachResponseBody(body: unknown): void {
    if (body instanceof Readable) this.#body = body;
  }

  destroy(): void {
    this.#request.destroy();
  }

  failure(cause: unknown, bodyBytes: number): ConnectionFailure {
    const error = this.#error;
    const isStale = error !== undefined && this.isReusedAndUnanswered;
    const isFailedWrite = error !== undefined && 'syscall' in error && error.syscall === 'write';
    return {
      code: codeOf(error) ?? codeOf(cause),
      isStale,
      isUnsent: isStale && isFailedWrite && bodyBytes <= maxSingleWriteBytes,
    };
  }
}

interface ConnectionPoolOptions {
  readonly isSecure: boolean;
  /** The HTTP proxy, which is used for secure connections only. */
  readonly proxyUrl?: string | undefined;
  readonly connectTimeoutMs: number;
  readonly keepAliveMs: number;
}

function createAgent({ isSecure, proxyUrl, ...timeouts }: ConnectionPoolOptions): Agent {
  const { connectTimeoutMs, keepAliveMs } = timeouts;
  const options = keepAliveMs === 0 ? {} : { keepAlive: true, timeout: keepAliveMs };
  if (!isSecure) return new HttpAgent(options);
  return proxyUrl === undefined
    ? new HttpsAgent(options)
    : new TunnelAgent({ ...options, proxyUrl, connectTimeoutMs });
}

/** Keeps connections to HelpCrunch alive and observes the requests on them, which node-fetch does not return. */
export class ConnectionPool {
  readonly agent: Agent;
  #latest: PooledRequest | undefined;

  constructor(options: ConnectionPoolOptions) {
    const agent = createAgent(options);
    const addRequest = agent.addRequest.bind(agent);
    const reuseSocket = agent.reuseSocket.bind(agent);
    agent.addRequest = (request, requestOptions) => {
      this.#latest = new PooledRequest(request);
      addRequest(request, requestOptions);
    };
    // The number of connections is not limited: a request reuses one within `addRequest` or never.
    agent.reuseSocket = (socket, request) => {
      reuseSocket(socket, request);
      if (socket instanceof Socket) this.#latest?.recordReuse(socket);
    };
    this.agent = agent;
  }

  /** The request that the last call of `fetch` has started; undefined if it has failed before. */
  takeLatestRequest(): PooledRequest | undefined {
    const request = this.#latest;
    this.#latest = undefined;
    return request;
  }

  /** Closes all idle connections, so that the next request opens a new one. */
  closeIdle(): void {
    for (const sockets of Object.values(this.agent.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }

  close(): void {
    this.agent.destroy();
  }
}
