import type { AccountFeed, Feed } from '../events/feed.ts';
import type { Loaders, Sources } from '../resources/index.ts';
import type { Clock } from '../support/clock.ts';
import { DependencyTracker } from '../support/dependencyTracker.ts';
import type { Span } from '../support/tracing.ts';
import type { Schedule } from '../support/turns.ts';
import type { Rate, Scope, Upstream, UpstreamClient, Usage } from '../upstream/client.ts';
import type { Admitted } from './subscriptionDoor.ts';
import type { ExecutionGuard } from './executionGuard.ts';
import { mayHear } from './hearing.ts';

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
  readonly usage: Usage;
  /** Records what the response is made from. */
  readonly tracker: DependencyTracker;
  /** Whether the client wants to see what the helpdesk says now. */
  readonly isRefresh: boolean;
  /** The account whose things are shown. */
  readonly tenant: string;
  /** By the monotonic clock. */
  readonly startedAtMs: number;
  /** Undefined where nobody traces. */
  readonly span: Span | undefined;
  readonly rate: Rate;
  /** What happens in the account. It tells until the operation ends, and no more than the viewer may hear. */
  readonly feed: AccountFeed;
  /** Bounds what the execution of the operation may take. */
  readonly guard: ExecutionGuard;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Takes over a subscription that has been let in; absent where one answer is all that can be given. */
  readonly onSubscription?: (subscription: Admitted) => void;
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
  readonly client: string;
  /** The account whose key is used, and the name under which what is known of it is kept. */
  readonly key: string;
  readonly tenant: string;
  /** Aborted when the client leaves or its time is over. */
  readonly signal: () => AbortSignal;
  readonly deadlineMs: number;
  readonly span?: Span | undefined;
  /** Whether the client wants to see what the helpdesk says now. */
  readonly isRefresh: boolean;
  readonly guard: ExecutionGuard;
}

interface Parts {
  readonly client: UpstreamClient;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly createSources: (open: () => Upstream) => Sources;
  readonly createLoaders: (sources: Sources, viewer: Viewer, schedule: Schedule) => Loaders;
}

/** A context for one operation; nothing in it outlives that. */
export const createContextFactory =
  ({ client, feed, clock, createSources, createLoaders }: Parts) =>
  (caller: Caller): Context => {
    const { requestId, viewer, key, tenant, signal, deadlineMs, isRefresh, span, guard } = caller;
    const usage: Scope['usage'] = { calls: 0, cacheHits: 0, shared: 0 };
    const tracker = new DependencyTracker();
    if (isRefresh) tracker.markUncacheable();
    const rate = client.rateOf(tenant);
    const scope = {
      key,
      tenant,
      viewer: caller.client,
      signal,
      deadlineMs,
      usage,
      isRefresh,
      span,
      tracker,
    };
    const sources = createSources(() => client.forOperation(scope));
    return {
      requestId,
      viewer,
      viewerId: caller.viewerId,
      address: caller.address,
      sources,
      loaders: createLoaders(sources, viewer, guard.schedule),
      usage,
      tracker,
      isRefresh,
      tenant,
      startedAtMs: clock.monotonic(),
      span,
      rate: {
        now() {
          tracker.markUncacheable();
          return rate.now();
        },
        latest() {
          tracker.markUncacheable();
          return rate.latest();
        },
      },
      feed: {
        announce: (news) => feed.announce(tenant, news),
        listen: (wants) =>
          feed.listen(tenant, (news) => mayHear(viewer, news) && wants(news), signal()),
      },
      guard,
      now() {
        tracker.markUncacheable();
        return clock.now();
      },
    };
  };
