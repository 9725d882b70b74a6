import type { AccountEvents, EventBus } from '../events/bus.ts';
import type { Loaders, Sources } from '../resources/registry.ts';
import type { Clock } from '../lib/clock.ts';
import { DependencyTracker } from '../lib/dependencyTracker.ts';
import type { Span } from '../observability/tracing.ts';
import type { Schedule } from '../lib/turns.ts';
import type { QuotaReader, Upstream, UpstreamClient } from '../upstream/client.ts';
import type { OperationUsage } from '../upstream/pipeline.ts';
import type { ValidatedSubscription } from './plugins/subscriptionHandoff.ts';
import type { ExecutionGuard } from './execution/executionGuard.ts';
import { canReceive } from './subscriptions/authorize.ts';

/** The client, once we know who it is. A customer is known by the helpdesk's id, by your own id of it, or by both. */
export type Viewer =
  | { readonly role: 'ALL' }
  | { readonly role: 'AGENT'; readonly agentId: string | undefined }
  | { readonly role: 'CUSTOMER'; readonly id: string; readonly userId: string | undefined }
  | { readonly role: 'CUSTOMER'; readonly id: undefined; readonly userId: string };

export type CustomerViewer = Extract<Viewer, { role: 'CUSTOMER' }>;

/** What every resolver of one operation shares. */
export interface Context {
  readonly requestId: string;
  readonly viewer: Viewer;
  /** For the audit log: who the viewer is, and the client's address. */
  readonly viewerId: string | undefined;
  readonly address: string;
  readonly sources: Sources;
  readonly loaders: Loaders;
  readonly usage: OperationUsage;
  /** Records what the response is made from. */
  readonly tracker: DependencyTracker;
  /** Whether the client wants to see what the helpdesk says now. */
  readonly isRefresh: boolean;
  /** The account whose things are shown. */
  readonly account: string;
  /** By the monotonic clock. */
  readonly startedAtMs: number;
  /** Undefined where nobody traces. */
  readonly span: Span | undefined;
  readonly quota: QuotaReader;
  /** What happens in the account. It tells until the operation ends, and no more than the viewer may hear. */
  readonly events: AccountEvents;
  /** Bounds what the execution of the operation may take. */
  readonly guard: ExecutionGuard;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Takes over a subscription that has been let in; absent where one answer is all that can be given. */
  readonly onSubscription?: (subscription: ValidatedSubscription) => void;
  /** Whether nothing may be changed. Apollo Server sees to that where it knows the method. */
  readonly isReadOnly?: boolean;
}

export interface Caller {
  readonly requestId: string;
  readonly viewer: Viewer;
  /** Who the viewer is in the audit log; undefined where only the address tells clients apart. */
  readonly viewerId: string | undefined;
  /** Of the client. */
  readonly address: string;
  /** Among whom the account's calls are shared out. */
  readonly quotaClient: string;
  /** The account whose key is used, and the name under which what is known of it is kept. */
  readonly apiKey: string;
  readonly account: string;
  /** Aborted when the client leaves or its time is over. */
  readonly signal: () => AbortSignal;
  readonly deadlineMs: number;
  readonly span?: Span | undefined;
  /** Whether the client wants to see what the helpdesk says now. */
  readonly bypassesCache: boolean;
  readonly guard: ExecutionGuard;
}

interface ContextFactoryOptions {
  readonly upstreamClient: UpstreamClient;
  readonly eventBus: EventBus;
  readonly clock: Clock;
  readonly createSources: (open: () => Upstream) => Sources;
  readonly createLoaders: (sources: Sources, viewer: Viewer, schedule: Schedule) => Loaders;
}

/** A context for one operation; nothing in it outlives that. */
export const createContextFactory =
  ({ upstreamClient, eventBus, clock, createSources, createLoaders }: ContextFactoryOptions) =>
  (caller: Caller): Context => {
    const { requestId, viewer, apiKey, account, signal, deadlineMs, bypassesCache, span, guard } =
      caller;
    const usage: OperationUsage = { calls: 0, cacheHits: 0, shared: 0 };
    const tracker = new DependencyTracker();
    if (bypassesCache) tracker.markUncacheable();
    const quota = upstreamClient.quotaFor(account);
    const upstreamContext = {
      apiKey,
      account,
      viewer: caller.quotaClient,
      signal,
      deadlineMs,
      usage,
      bypassesCache,
      span,
      tracker,
    };
    const sources = createSources(() => upstreamClient.forOperation(upstreamContext));
    return {
      requestId,
      viewer,
      viewerId: caller.viewerId,
      address: caller.address,
      sources,
      loaders: createLoaders(sources, viewer, guard.schedule),
      usage,
      tracker,
      isRefresh: bypassesCache,
      account,
      startedAtMs: clock.monotonic(),
      span,
      quota: {
        cached() {
          tracker.markUncacheable();
          return quota.cached();
        },
        refresh() {
          tracker.markUncacheable();
          return quota.refresh();
        },
      },
      events: {
        publish: (event) => eventBus.publish(account, event),
        subscribe: (accepts) =>
          eventBus.subscribe(
            account,
            (event) => canReceive(viewer, event) && accepts(event),
            signal(),
          ),
      },
      guard,
      now() {
        tracker.markUncacheable();
        return clock.now();
      },
    };
  };
