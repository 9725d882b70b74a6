import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import fetch, { FetchError } from 'node-fetch';
import type { Response } from 'node-fetch';
import type { Clock } from '../lib/clock.ts';
import { UpstreamError } from './errors.ts';

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Relative to the base URL, with the query string. */
  readonly path: string;
  readonly body?: unknown;
  readonly apiKey: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Its reason becomes the error of an aborted request. */
  readonly signal: AbortSignal;
}

export interface TransportResponse {
  readonly status: number;
  readonly body: string;
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
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
  readonly clock: Clock;
}

/** Idle connections are closed before most servers would close them during a request. */
const idleTimeoutMs = 4_000;

/** Longer pauses are neither waited for nor returned to clients. */
export const maxRetryAfterMs = 600_000;

/** `Retry-After` in seconds or as a date (RFC 9110), at most ten minutes; undefined for anything else. */
function parseRetryAfter(response: Response, clock: Clock): number | undefined {
  const value = response.headers.get('retry-after')?.trim() ?? '';
  if (/^[0-9]{1,6}$/.test(value)) return Math.min(maxRetryAfterMs, Number(value) * 1000);
  // HTTP dates begin with the day's name; Date.parse alone would accept `1.5`.
  const at = /^[A-Z][a-z]{2},? /.test(value) ? Date.parse(value) : NaN;
  const leftMs = Math.max(0, Math.ceil(at - clock.now()));
  return Number.isNaN(at) ? undefined : Math.min(maxRetryAfterMs, leftMs);
}

function connectionError(error: unknown, status: number | undefined): UpstreamError {
  if (error instanceof FetchError && error.type === 'max-size') {
    return new UpstreamError('malformed', 'The response of HelpCrunch exceeds the size limit.', {
      ...(status === undefined ? {} : { status }),
    });
  }
  return new UpstreamError('unavailable', 'The connection to HelpCrunch failed.', {
    cause: error,
  });
}

/** Sends requests to HelpCrunch. Redirects are not followed, so that the key is sent to one host only. */
export function createTransport(options: TransportOptions): Transport {
  const { baseUrl, timeoutMs, maxResponseBytes, clock } = options;
  const isSecure = baseUrl.startsWith('https:');
  const agent = new (isSecure ? HttpsAgent : HttpAgent)({
    keepAlive: true,
    timeout: idleTimeoutMs,
  });

  return {
    baseUrl,
    async request({ method, path, body, apiKey, headers, signal }) {
      const controller = new AbortController();
      const abort = () => {
        controller.abort(signal.reason);
      };
      signal.throwIfAborted();
      signal.addEventListener('abort', abort);
      const cancelTimer = clock.after(timeoutMs, () => {
        controller.abort(new UpstreamError('timeout', 'HelpCrunch did not respond in time.'));
      });
      let status: number | undefined;
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
        status = response.status;
        const retryAfterMs = parseRetryAfter(response, clock);
        return {
          status,
          body: await response.text(),
          ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        };
      } catch (error) {
        // node-fetch does not pass on the reason of the abort.
        controller.signal.throwIfAborted();
        throw connectionError(error, status);
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
