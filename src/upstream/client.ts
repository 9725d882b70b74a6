import type { Clock } from '../support/clock.ts';
import { UpstreamError } from './errors.ts';
import { failureOf } from './failure.ts';
import type { RateWindow } from './rateWindow.ts';
import { windowMs } from './rateWindow.ts';
import type { Request, Transport } from './transport.ts';

/** A call to the helpdesk. Its effect is stated, never inferred: a search is a POST that reads. */
export interface Call extends Pick<Request, 'method' | 'path' | 'body'> {
  readonly effect: 'read' | 'write';
}

/** What one operation has caused so far. */
export interface Usage {
  calls: number;
  cacheHits: number;
  shared: number;
}

/** The operation on whose behalf calls are made. */
export interface Scope {
  readonly key: string;
  readonly signal: AbortSignal;
  readonly usage: Usage;
}

/** The helpdesk as one operation sees it. */
export interface Upstream {
  /** The decoded JSON of a successful answer; an `UpstreamError` for anything else. */
  send(call: Call): Promise<unknown>;
}

export interface UpstreamClient {
  forOperation(scope: Scope): Upstream;
  readonly rate: RateWindow;
  close(): void;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new UpstreamError('malformed', "The helpdesk's answer is not JSON.", { cause });
  }
}

export function createUpstreamClient({
  transport,
  rate,
  clock,
}: {
  transport: Transport;
  rate: RateWindow;
  clock: Clock;
}): UpstreamClient {
  /** Without a word from the helpdesk: when the first of our own calls will have left its window. */
  const estimateMs = () =>
    Math.max(1_000, Math.ceil((rate.roomAt() ?? clock.now() + windowMs) - clock.now()));

  return {
    rate,
    forOperation: ({ key, signal, usage }) => ({
      async send({ method, path, body }) {
        usage.calls += 1;
        rate.spend();
        const answer = await transport.request({ method, path, body, key, signal });
        if (answer.status >= 200 && answer.status < 300) return parse(answer.body);
        throw failureOf(
          answer.status === 429 && answer.retryAfterMs === undefined
            ? { ...answer, retryAfterMs: estimateMs() }
            : answer,
          key,
        );
      },
    }),
    close() {
      transport.close();
    },
  };
}
