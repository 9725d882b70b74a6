import type {
  CallPriority,
  Permit,
  PermitRequest,
  RateLimiter,
} from '../../src/upstream/rateLimit/limiter.ts';
import type { QuotaClass } from '../../src/upstream/rateLimit/limiter.ts';
import { UpstreamError } from '../../src/upstream/errors.ts';
import type { Clock } from '../../src/lib/clock.ts';

/** Runs all pending microtasks and immediate callbacks. */
export const flushMicrotasks = () => new Promise((resolve) => setImmediate(resolve));

export interface RequestOptions {
  readonly viewer?: string;
  readonly viewerClass?: QuotaClass;
  readonly priority?: CallPriority;
  readonly deadlineMs?: number;
}

/** A request of one viewer. */
export const requestOf = ({
  viewer = 'ada',
  viewerClass = 'agent',
  priority = 'read',
  deadlineMs = Infinity,
}: RequestOptions): PermitRequest => ({
  candidates: [{ viewer: { key: viewer, class: viewerClass }, priority }],
  deadlineMs,
});

export interface CallOptions {
  readonly viewer?: string;
  readonly viewerClass?: QuotaClass;
  readonly priority?: CallPriority;
  readonly withinMs?: number;
}

export interface PermitCaller {
  readonly name: string;
  readonly state: () => 'waiting' | 'served' | 'refused' | 'failed';
  readonly endedAt: () => number | undefined;
  /** Resolves when the caller is served or rejected. */
  readonly ended: Promise<unknown>;
  readonly error: () => unknown;
  readonly permit: () => Permit;
  readonly retryAfterMs: () => number | undefined;
  readonly leave: () => void;
  readonly change: (changes: Pick<CallOptions, 'priority' | 'withinMs'>) => void;
}

/** Callers of a rate limiter that record when they were served or rejected. */
export function createPermitCallers(limiter: RateLimiter, clock: Clock, account = 'acme') {
  const grantedNames: string[] = [];
  return {
    grantedNames: grantedNames as readonly string[],
    call(
      name: string,
      {
        viewer = 'ada',
        viewerClass = 'agent',
        priority = 'read',
        withinMs = 10_000,
      }: CallOptions = {},
    ): PermitCaller {
      const controller = new AbortController();
      let request = { priority, deadlineMs: clock.monotonic() + withinMs };
      const toRequest = () => requestOf({ viewer, viewerClass, ...request });
      let state: ReturnType<PermitCaller['state']> = 'waiting';
      let endedAt: number | undefined;
      let error: unknown;
      let slot: Permit | undefined;
      const ended = limiter.acquire(account, toRequest, controller.signal).then(
        (acquired) => {
          state = 'served';
          endedAt = clock.monotonic();
          slot = acquired;
          grantedNames.push(name);
        },
        (reason: unknown) => {
          endedAt = clock.monotonic();
          error = reason;
          state =
            reason instanceof UpstreamError && reason.kind === 'rateLimited' ? 'refused' : 'failed';
        },
      );
      return {
        name,
        state: () => state,
        endedAt: () => endedAt,
        ended,
        error: () => error,
        permit() {
          if (slot === undefined) throw new Error(`${name} was not served.`);
          return slot;
        },
        retryAfterMs: () =>
          error instanceof UpstreamError ? error.details.retryAfterMs : undefined,
        leave: () => controller.abort(new Error('The client left.')),
        change({ priority: changed = request.priority, withinMs: changedMs }) {
          const deadlineMs =
            changedMs === undefined ? request.deadlineMs : clock.monotonic() + changedMs;
          request = { priority: changed, deadlineMs };
        },
      };
    },
  };
}
