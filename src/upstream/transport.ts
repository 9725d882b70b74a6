import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import fetch, { FetchError } from 'node-fetch';
import type { Response } from 'node-fetch';
import type { Clock } from '../lib/clock.ts';
import { UpstreamError } from './errors.ts';

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the API's base address, with its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly apiKey: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Aborted when nobody waits any longer; its reason is what the caller is told. */
  readonly signal: AbortSignal;
}

export interface TransportResponse {
  readonly status: number;
  readonly body: string;
  readonly retryAfterMs?: number;
}

export interface Transport {
  /** One try. Fails with `timeout`, `unavailable` or `malformed`, or with the signal's reason. */
  request(request: TransportRequest): Promise<TransportResponse>;
  close(): void;
}

export interface TransportOptions {
  readonly baseUrl: string;
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
  readonly clock: Clock;
}

/** Idle connections are let go before most servers would close them under a request. */
const idleTimeoutMs = 4_000;

/** A longer pause is never waited for, nor told to clients. */
export const maxRetryAfterMs = 600_000;

/** Seconds or a date, as RFC 9110 has it, at most ten minutes; undefined for anything else. */
function parseRetryAfter(response: Response, clock: Clock): number | undefined {
  const value = response.headers.get('retry-after')?.trim() ?? '';
  if (/^[0-9]{1,6}$/.test(value)) return Math.min(maxRetryAfterMs, Number(value) * 1000);
  // A date begins with the day's name; Date.parse alone would take `1.5` for one.
  const at = /^[A-Z][a-z]{2},? /.test(value) ? Date.parse(value) : NaN;
  const leftMs = Math.max(0, Math.ceil(at - clock.now()));
  return Number.isNaN(at) ? undefined : Math.min(maxRetryAfterMs, leftMs);
}

function connectionError(error: unknown): UpstreamError {
  if (error instanceof FetchError && error.type === 'max-size') {
    return new UpstreamError('malformed', "The helpdesk's answer is too long.");
  }
  return new UpstreamError('unavailable', 'The connection to the helpdesk failed.', {
    cause: error,
  });
}

/** The one place where calls leave. Redirects are never followed: the key goes to one host only. */
export function createTransport(options: TransportOptions): Transport {
  const { baseUrl, timeoutMs, maxResponseBytes, clock } = options;
  const isSecure = baseUrl.startsWith('https:');
  const agent = new (isSecure ? HttpsAgent : HttpAgent)({
    keepAlive: true,
    timeout: idleTimeoutMs,
  });

  return {
    async request({ method, path, body, apiKey, headers, signal }) {
      const controller = new AbortController();
      const abort = () => {
        controller.abort(signal.reason);
      };
      signal.throwIfAborted();
      signal.addEventListener('abort', abort);
      const cancelTimer = clock.after(timeoutMs, () => {
        controller.abort(new UpstreamError('timeout', 'The helpdesk did not answer in time.'));
      });
      try {
        const response = await fetch(baseUrl + path, {
          method,
          headers: {
            ...headers,
            accept: 'application/json',
            authorization: `Bearer ${apiKey}`,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          agent,
          redirect: 'manual',
          size: maxResponseBytes,
          signal: controller.signal,
        });
        const retryAfterMs = parseRetryAfter(response, clock);
        return {
          status: response.status,
          body: await response.text(),
          ...(retryAfterMs === undefined ? {} : { retryAfterMs: retryAfterMs }),
        };
      } catch (error) {
        // node-fetch says only that it was aborted; the signal says why.
        controller.signal.throwIfAborted();
        throw connectionError(error);
      } finally {
        cancelTimer();
        signal.removeEventListener('abort', abort);
      }
    },

    close() {
      agent.destroy();
    },
  };
}
