import type { Clock } from '../support/clock.ts';
import type { DependencyTracker } from '../support/dependencyTracker.ts';
import { parseJson } from '../support/json.ts';
import type { Log } from '../support/log.ts';
import type { Seal } from '../support/seal.ts';
import { createSeal } from '../support/seal.ts';
import type { Span } from '../support/tracing.ts';
import type { Breaker, Outcome, Pass } from './breaker.ts';
import { createBreakers } from './breakers.ts';
import type { Budget, Demand, RateStatus, Slot } from './budget/budget.ts';
import type { Cache, OperationCache, Send } from './cache/cache.ts';
import type { Crew } from './cache/flights.ts';
import { UpstreamError } from './errors.ts';
import { failureOf } from './failure.ts';
import { withRetries } from './retry.ts';
import { maxConditions } from './search.ts';
import { createAcquaintances, strangers } from './strangers.ts';
import type { Answer, Request, Transport } from './transport.ts';
import { createWatch } from './watch.ts';
import type { CallObserver } from './watch.ts';

/** A call to the helpdesk. Its effect is stated, never inferred: a search is a POST that reads. */
export interface Call extends Pick<Request, 'method' | 'path' | 'body'> {
  readonly effect: 'read' | 'write';
  /** Of a write: that it does no harm when it happens twice. */
  readonly isIdempotent?: true;
}

/** What one operation has caused so far. */
export interface Usage {
  /** Calls that were made for it. */
  calls: number;
  /** Entities and lists that were known already. */
  cacheHits: number;
  /** Calls of others that it waited for. */
  shared: number;
  /** The age of the oldest thing that it shows because the helpdesk could not be asked. */
  staleMs?: number;
  /** Whether the helpdesk rejected the client's own key. */
  isKeyRejected?: boolean;
}

/** The operation on whose behalf calls are made. */
export interface Scope {
  readonly key: string;
  /** Whose cache and whose calls: one account's. */
  readonly tenant: string;
  /** Among whom the calls are shared out. */
  readonly viewer: string;
  /** Aborted when nobody waits for the operation any more. */
  readonly signal: () => AbortSignal;
  /** When the operation's time is over, by the monotonic clock. */
  readonly deadlineMs: number;
  readonly usage: Usage;
  /** Whether the client wants to see what the helpdesk says now. */
  readonly isRefresh: boolean;
  /** Whether it is not known that the key is one. */
  readonly isStranger?: boolean;
  readonly span?: Span | undefined;
  /** Records what the operation reads. */
  readonly tracker: DependencyTracker;
}

/** How many ids go in one search: less than 100 once the helpdesk has refused as many. */
export interface BatchSize {
  limit: number;
}

/** The helpdesk as one operation sees it. */
export interface Upstream {
  readonly cache: OperationCache;
  readonly batchSize: BatchSize;
  /** Made of the account's key, which all instances have. */
  seal(): Seal;
}

/** What is left of an account's calls. */
export interface Rate {
  now(): RateStatus;
  /** The same, when all instances have been heard. */
  latest(): Promise<RateStatus>;
}

export interface UpstreamClient {
  forOperation(scope: Scope): Upstream;
  rateOf(tenant: string): Rate;
  /** Whether the helpdesk has accepted the key; true for the gateway's own. */
  isAccepted(tenant: string): boolean;
  /** How many tenants' circuits are open. */
  openBreakers(): number;
  close(): void;
}

interface ClientParts {
  readonly transport: Transport;
  readonly budget: Budget;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly log: Log;
  /** How often a call that may go better is tried again. */
  readonly maxRetries: number;
  /** Whether clients bring keys of their own, which may be none. */
  readonly isKeyOfClient?: boolean;
  readonly observer: CallObserver;
}

function parse(body: string): unknown {
  try {
    return parseJson(body);
  } catch (cause) {
    throw new UpstreamError('malformed', "The helpdesk's answer is not usable JSON.", { cause });
  }
}

/** One call and those who wait for it. */
interface Errand {
  readonly scope: Scope;
  readonly crew: Crew;
  readonly call: Call;
}

/** One try of it, and whose minute it is counted in. */
interface Try extends Errand {
  readonly payer: string;
}

/** A try that its operation's deadline ends speaks against the helpdesk when it had this long. */
const fairMs = 1_000;

/** No call is answered sooner, so that one which leaves even later would be spent for nothing. */
const leastAnswerMs = 50;

/** A 4xx is a sign of life, and so is a 429; whoever leaves has learnt nothing. */
function outcomeOf(error: unknown, signal: AbortSignal, tookMs: number): Outcome {
  if (!(error instanceof UpstreamError)) return 'unknown';
  if (signal.aborted) return error.kind === 'timeout' && tookMs >= fairMs ? 'failed' : 'unknown';
  const isDown = error.kind === 'unavailable' || error.kind === 'timeout';
  return isDown && error.details.status !== 408 ? 'failed' : 'alive';
}

/** The layers of a call, outermost first: cache → retry → breaker → budget → transport. Every try spends one call. */
export function createUpstreamClient(parts: ClientParts): UpstreamClient {
  const { transport, budget, cache, clock, log, maxRetries, isKeyOfClient = false } = parts;
  const acquaintances = isKeyOfClient ? createAcquaintances(clock) : undefined;
  const payerOf = (tenant: string) =>
    acquaintances?.isStranger(tenant) === true ? strangers : tenant;
  const watch = createWatch(parts);
  const batchSize: BatchSize = { limit: maxConditions };
  const breakers = createBreakers({
    clock,
    onChange(tenant, isOpen) {
      if (isOpen) log.warn('the helpdesk fails too often: it is left alone for a while');
      else log.info('the helpdesk answers again');
      // Those who wait for room are told at once.
      budget.reconsider(tenant);
    },
  });

  /** The first call with a key turns out to be its account's. */
  function countLater(tenant: string, demand: Demand): void {
    const counted = budget.acquire(tenant, () => demand, new AbortController().signal);
    counted.then(
      (slot) => slot.done(),
      () => undefined,
    );
  }

  /** A refusal with 429 is the only answer after which nothing can have happened. */
  async function send(crew: Crew, request: Request): Promise<Answer> {
    let isRefused = false;
    try {
      const answer = await transport.request(request);
      isRefused = answer.status === 429;
      return answer;
    } finally {
      if (!isRefused) crew.sent?.();
    }
  }

  async function exchange({ scope, crew, call, payer }: Try, slot: Slot): Promise<unknown> {
    const { key, tenant, usage, span } = scope;
    const { method, path, body } = call;
    const { signal } = crew;
    try {
      signal.throwIfAborted();
      usage.calls += 1;
      return await watch.call({ method, path, signal, span }, async (headers) => {
        const answer = await send(crew, { method, path, body, key, headers, signal });
        acquaintances?.answered(tenant, answer.status);
        if (payer !== tenant && payerOf(tenant) === tenant) {
          const { effect: priority } = call;
          countLater(tenant, { viewer: crew.viewer(), priority, deadlineMs: crew.deadlineMs() });
        }
        if (answer.status >= 200 && answer.status < 300) return parse(answer.body);
        if (answer.status !== 429) throw failureOf(answer, key);
        slot.refused(answer.retryAfterMs);
        throw failureOf({ retryAfterMs: budget.retryAfterMs(payer), ...answer }, key);
      });
    } finally {
      slot.done();
    }
  }

  /** Room in the account's minute; the breaker's refusal as soon as the circuit opens. */
  async function acquire({ crew, call, payer }: Try, breaker: Breaker, pass: Pass): Promise<Slot> {
    const demand = () => ({
      viewer: crew.viewer(),
      priority: call.effect,
      deadlineMs: pass.isVoid() ? -Infinity : crew.deadlineMs() - leastAnswerMs,
    });
    crew.stand(true);
    try {
      return await watch.turn(call.effect, crew.signal, () =>
        budget.acquire(payer, demand, crew.signal),
      );
    } catch (error) {
      throw pass.isVoid() && !crew.signal.aborted ? breaker.refusal() : error;
    } finally {
      crew.stand(false);
    }
  }

  async function attempt(errand: Errand): Promise<unknown> {
    const { signal } = errand.crew;
    signal.throwIfAborted();
    acquaintances?.greet(errand.scope.tenant);
    const payer = payerOf(errand.scope.tenant);
    const breaker = breakers.of(payer);
    const pass = breaker.enter();
    let outcome: Outcome = 'unknown';
    try {
      const slot = await acquire({ ...errand, payer }, breaker, pass);
      const leftAt = clock.monotonic();
      try {
        const answer = await exchange({ ...errand, payer }, slot);
        outcome = 'alive';
        return answer;
      } catch (error) {
        outcome = outcomeOf(error, signal, clock.monotonic() - leftAt);
        throw error;
      }
    } finally {
      pass.leave(outcome);
    }
  }

  /** A call that the helpdesk refuses to count has not happened, so that it may wait and go again, whatever its effect. */
  async function untilCounted(errand: Errand): Promise<unknown> {
    let refusal: UpstreamError | undefined;
    for (;;) {
      try {
        return await attempt(errand);
      } catch (error) {
        if (!(error instanceof UpstreamError) || error.kind !== 'rateLimited') throw error;
        // What the helpdesk said of its refusal says more than that there is no time for another try.
        if (error.details.neverLeft === true) throw refusal ?? error;
        refusal = error;
      }
    }
  }

  const sendFor =
    (scope: Scope) =>
    (crew: Crew): Send =>
    (call) =>
      withRetries(() => untilCounted({ scope, crew, call }), {
        clock,
        maxRetries,
        isRepeatable: call.effect === 'read' || call.isIdempotent === true,
        signal: crew.signal,
        deadlineMs: crew.deadlineMs,
      });

  return {
    openBreakers: breakers.openCount,
    isAccepted: (tenant) => acquaintances?.isStranger(tenant) !== true,
    forOperation(scope) {
      // To derive its keys takes longer than to seal a cursor.
      let seal: Seal | undefined;
      return {
        cache: cache.forOperation(
          { ...scope, isStranger: payerOf(scope.tenant) === strangers },
          {
            sendFor: sendFor(scope),
            onJoin: () => {
              budget.reconsider(payerOf(scope.tenant));
            },
            noRoom: () =>
              new UpstreamError('rateLimited', 'There was no room for the call in time.', {
                neverLeft: true,
                retryAfterMs: budget.retryAfterMs(payerOf(scope.tenant)),
              }),
          },
        ),
        batchSize,
        seal: () => (seal ??= createSeal(scope.key)),
      };
    },
    rateOf: (tenant) => ({
      now: () => budget.status(tenant),
      async latest() {
        await budget.refresh(tenant);
        return budget.status(tenant);
      },
    }),
    close() {
      budget.close();
      transport.close();
    },
  };
}
