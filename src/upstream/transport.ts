import type { AbortSignalLike } from '../lib/abortScope.ts';
import fetch, { FetchError } from 'node-fetch';
import type { Response } from 'node-fetch';
import { asError } from '../lib/asError.ts';
import type { Clock } from '../lib/clock.ts';
import { parseRetryAfter } from '../lib/retryAfter.ts';
import type { PooledRequest } from './connectionPool.ts';
import { ConnectionPool } from './connectionPool.ts';
import { UpstreamError } from './errors.ts';
import type { ServerClock } from './writes/serverClock.ts';

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Relative to the base URL, with the query string. */
  readonly path: string;
  readonly body?: unknown;
  readonly apiKey: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether idle connections must not be used. */
  readonly usesNewConnection?: boolean;
  /** Its reason becomes the error of an aborted request. */
  readonly signal: AbortSignalLike;
}

export interface TransportResponse {
  readonly status: number;
  /** Undefined if it is not encoded in UTF-8. */
  readonly body: string | undefined;
  readonly retryAfterMs?: number;
}

export interface Transport {
  readonly baseUrl: string;
  /** Sends one request. Rejects with `timeout`, `unavailable` or `malformed`, or with the signal's reason. */
  request(request: TransportRequest): Promise<TransportResponse>;
  close(): void;
}

interface TransportOptions {
  readonly baseUrl: string;
  /** The HTTP proxy for an HTTPS base URL. */
  readonly proxyUrl?: string | undefined;
  readonly userAgent: string;
  readonly timeoutMs: number;
  /** How long idle connections are kept. 0: they are not reused. */
  readonly keepAliveMs: number;
  readonly maxResponseBytes: number;
  readonly clock: Clock;
  readonly serverClock?: ServerClock;
}

/** US-ASCII is a subset of UTF-8. */
const acceptedCharsets: ReadonlySet<string | undefined> = new Set(['utf-8', 'utf8', 'us-ascii']);

function isUtf8(response: Response): boolean {
  const contentType = response.headers.get('content-type') ?? '';
  if (!contentType.includes('charset')) return true;
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(contentType)?.[1];
  return acceptedCharsets.has(charset?.toLowerCase());
}

/** A request and its response. */
interface Exchange {
  readonly response: Promise<Response>;
  readonly pooled: PooledRequest | undefined;
  /** The body of the request. */
  readonly text: string | undefined;
  /** Known when the response has begun. */
  status: number | undefined;
}

class HttpTransport implements Transport {
  readonly baseUrl: string;
  readonly #options: TransportOptions;
  readonly #pool: ConnectionPool;

  constructor(options: TransportOptions) {
    this.baseUrl = options.baseUrl;
    this.#options = options;
    this.#pool = new ConnectionPool({
      isSecure: options.baseUrl.startsWith('https:'),
      proxyUrl: options.proxyUrl,
      connectTimeoutMs: options.timeoutMs,
      keepAliveMs: options.keepAliveMs,
    });
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    if (request.usesNewConnection === true) this.#pool.closeIdle();
    try {
      return await this.#send(request);
    } catch (error) {
      const isUnsent = error instanceof UpstreamError && error.details.staleConnection === 'unsent';
      if (!isUnsent || request.signal.aborted) throw error;
      // A request of which nothing was sent can be sent again, whatever it does.
      return this.#send(request);
    }
  }

  close(): void {
    this.#pool.close();
  }

  /** node-fetch gets no signal: those are expensive, and it would not pass on the reason. */
  #send(request: TransportRequest): Promise<TransportResponse> {
    const { signal } = request;
    const { timeoutMs, clock } = this.#options;
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const exchange = this.#start(request);
      let isEnded = false;
      const end = () => {
        isEnded = true;
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
      };
      const fail = (error: Error) => {
        end();
        exchange.pooled?.destroy();
        reject(error);
      };
      const onAbort = () => fail(asError(signal.reason));
      const cancelTimer = clock.after(timeoutMs, () => {
        if (exchange.pooled?.isReusedAndUnanswered === true) this.#pool.closeIdle();
        fail(new UpstreamError('timeout', 'HelpCrunch did not respond in time.'));
      });
      signal.addEventListener('abort', onAbort);
      this.#read(exchange).then(
        (response) => {
          end();
          resolve(response);
        },
        (error: unknown) => {
          if (!isEnded) fail(this.#errorOf(error, exchange));
        },
      );
    });
  }

  #start({ method, path, body, apiKey, headers }: TransportRequest): Exchange {
    const { baseUrl, userAgent, maxResponseBytes } = this.#options;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = fetch(baseUrl + path, {
      method,
      headers: {
        accept: 'application/json',
        'user-agent': userAgent,
        authorization: `Bearer ${apiKey}`,
        ...(text === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: text,
      agent: this.#pool.agent,
      // The key is sent to one host only.
      redirect: 'manual',
      size: maxResponseBytes,
    });
    return { response, pooled: this.#pool.takeLatestRequest(), text, status: undefined };
  }

  async #read(exchange: Exchange): Promise<TransportResponse> {
    const response = await exchange.response;
    const { status, body } = response;
    exchange.status = status;
    exchange.pooled?.attachResponseBody(body);
    const { clock, serverClock } = this.#options;
    serverClock?.record(response.headers.get('date'));
    const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'), clock);
    const text = await response.text();
    return {
      status,
      body: isUtf8(response) ? text : undefined,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
  }

  #errorOf(cause: unknown, { pooled, status, text = '' }: Exchange): UpstreamError {
    if (cause instanceof FetchError && cause.type === 'max-size') {
      const message = 'The response of HelpCrunch exceeds the size limit.';
      return new UpstreamError('malformed', message, status === undefined ? {} : { status });
    }
    const failure = pooled?.failure(cause, Buffer.byteLength(text));
    // The other idle connections have probably been lost with this one.
    if (failure?.isStale === true) this.#pool.closeIdle();
    return new UpstreamError('unavailable', 'The connection to HelpCrunch failed.', {
      cause,
      ...(failure?.code === undefined ? {} : { connectionError: failure.code }),
      ...(failure?.isStale === true && { staleConnection: failure.isUnsent ? 'unsent' : 'sent' }),
    });
  }
}

/** Sends requests to HelpCrunch. Redirects are not followed. */
export const createTransport = (options: TransportOptions): Transport => new HttpTransport(options);
