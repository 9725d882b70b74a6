import type { AbortSignalLike } from '../lib/abortScope.ts';
import type { AccountEvents, DomainEvent, EventBus, LogRange } from '../events/bus.ts';
import type { ChangeDeduplicator } from '../events/changeDeduplicator.ts';
import type { LoaderOptions, Loaders, Sources } from '../resources/registry.ts';
import type { ClientApplication } from '../lib/clientApplication.ts';
import type { Clock } from '../lib/clock.ts';
import { DependencyTracker } from '../lib/dependencyTracker.ts';
import type { Span } from '../observability/tracing.ts';
import type { CustomerViewer, Viewer } from '../lib/viewer.ts';
import type { QuotaReader, Upstream, UpstreamClient } from '../upstream/client.ts';
import type { OperationUsage } from '../upstream/pipeline.ts';
import type { ValidatedSubscription } from './plugins/subscriptionHandoff.ts';
import type { ExecutionGuard } from './execution/executionGuard.ts';
import { QuotaViewers } from './quotaViewers.ts';
import { isDeniedByEvent } from './subscriptions/authorize.ts';

export type { CustomerViewer, DomainEvent, Viewer };

/** Shared by all resolvers of one operation. */
export interface Context {
  readonly requestId: string;
  readonly viewer: Viewer;
  /** For the audit log: the viewer's identity and the client's address. */
  readonly viewerId: string | undefined;
  readonly address: string;
  /** What the client says it is. */
  readonly application: ClientApplication | undefined;
  /** Different for any two agents, unlike their ids in the audit log. */
  readonly quotaKey: string;
  readonly sources: Sources;
  readonly loaders: Loaders;
  readonly usage: OperationUsage;
  /** Records the dependencies of the response. */
  readonly tracker: DependencyTracker;
  /** Whether the client has sent `no-cache`. */
  readonly bypassesCache: boolean;
  /** The HelpCrunch account whose data is read. */
  readonly account: string;
  /** Monotonic. */
  readonly startedAtMs: number;
  /** Undefined if tracing is disabled. */
  readonly span: Span | undefined;
  readonly quota: QuotaReader;
  /** Whether the client has proved to be the router. */
  readonly isRouter: boolean;
  /** The account's events that the viewer may receive, until the operation ends. */
  readonly events: AccountEvents;
  /** Limits the size and time of the execution. */
  readonly guard: ExecutionGuard;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Receives a validated subscription; undefined if the transport carries a single response. */
  readonly onSubscription?: (subscription: ValidatedSubscription) => void;
  /** Whether mutations are rejected. For HTTP requests Apollo Server does that by the method. */
  readonly isReadOnly?: boolean;
}

/** A client as the rate limiter sees it. */
type QuotaClient = Pick<Caller, 'viewer' | 'account' | 'quotaKey' | 'isBackground'>;

export interface Caller {
  readonly requestId: string;
  readonly viewer: Viewer;
  /** The viewer's identity in the audit log; undefined if clients are distinguished by address only. */
  readonly viewerId: string | undefined;
  /** The client's IP address. */
  readonly address: string;
  /** What the client says it is. */
  readonly application?: ClientApplication | undefined;
  /** The client in the fair queue of the rate limiter. */
  readonly quotaKey: string;
  /** The API key and the account to which it belongs; cache keys start with the account. */
  readonly apiKey: string;
  /** Names the account in cache, rate limit and events. */
  readonly account: string;
  /** Aborted when the client disconnects or the deadline passes. */
  readonly signal: () => AbortSignalLike;
  readonly deadlineMs: number;
  readonly span?: Span | undefined;
  /** Whether the client has sent `no-cache`. */
  readonly bypassesCache: boolean;
  /** Whether reads have background priority. */
  readonly isBackground?: boolean;
  /** Whether the client has proved to be the router. */
  readonly isRouter?: boolean;
  /** Further clients to which calls are charged when this one has no quota: the other subscribers of an event. */
  readonly otherClients?: readonly QuotaClient[] | undefined;
  readonly guard: ExecutionGuard;
}

interface ContextFactoryOptions {
  readonly upstreamClient: UpstreamClient;
  readonly eventBus: EventBus;
  readonly changeDeduplicator: ChangeDeduplicator;
  readonly clock: Clock;
  readonly createSources: (open: () => Upstream) => Sources;
  readonly createLoaders: (sources: Sources, viewer: Viewer, options: LoaderOptions) => Loaders;
}

const eventsOf = (
  { account, viewer, signal }: Caller,
  { eventBus, changeDeduplicator }: ContextFactoryOptions,
): AccountEvents => ({
  async publishWrite({ events, names, startedAtMs }) {
    const isNamed = names.length > 0;
    if (isNamed && (await changeDeduplicator.deduplicateWrite(account, names, startedAtMs))) return;
    for (const event of events) eventBus.publish(account, event);
  },
  subscribe(filter) {
    const accepted = (event: DomainEvent) =>
      !isDeniedByEvent(viewer, event) && filter(event) !== false;
    return Object.assign(eventBus.subscribe(account, accepted, signal()), {
      filter,
      head: () => eventBus.head(account),
      positionOf: (eventId: string) => eventBus.positionOf(account, eventId),
      latestId: () => eventBus.latestId(account),
      read: (range: Omit<LogRange, 'accepts'>) =>
        eventBus.read(account, { ...range, accepts: accepted }),
    });
  },
});

/** Creates the context of one operation. */
export function createContextFactory(parts: ContextFactoryOptions) {
  const { upstreamClient, clock, createSources, createLoaders } = parts;
  const quotaViewers = new QuotaViewers();
  const toCandidate = (client: QuotaClient) => ({
    viewer: quotaViewers.of(client),
    priority: client.isBackground === true ? ('background' as const) : ('read' as const),
  });
  return (caller: Caller): Context => {
    const { requestId, viewer, apiKey, account, signal, deadlineMs, bypassesCache, span, guard } =
      caller;
    const usage: OperationUsage = { calls: 0, cacheHits: 0, shared: 0 };
    const tracker = new DependencyTracker();
    if (bypassesCache) tracker.markUncacheable();
    const { viewer: quotaViewer, priority: readPriority } = toCandidate(caller);
    const upstreamContext = {
      apiKey,
      account,
      viewer: quotaViewer,
      readPriority,
      fallbackCandidates: caller.otherClients?.map(toCandidate),
      signal,
      deadlineMs,
      usage,
      bypassesCache,
      span,
      tracker,
    };
    const quota = upstreamClient.quotaFor(upstreamContext);
    const sources = createSources(() => upstreamClient.forOperation(upstreamContext));
    return {
      requestId,
      viewer,
      viewerId: caller.viewerId,
      address: caller.address,
      application: caller.application,
      quotaKey: caller.quotaKey,
      sources,
      loaders: createLoaders(sources, viewer, {
        schedule: guard.schedule,
        onViewerIdentified: (id) => quotaViewers.identify(caller, id),
      }),
      usage,
      tracker,
      bypassesCache,
      account,
      startedAtMs: clock.monotonic(),
      span,
      quota: {
        ofViewer: () => quota.ofViewer(),
        shortage: (count) => quota.shortage(count),
        cached() {
          tracker.markUncacheable();
          return quota.cached();
        },
        refresh() {
          tracker.markUncacheable();
          return quota.refresh();
        },
      },
      events: eventsOf(caller, parts),
      guard,
      isRouter: caller.isRouter === true,
      now() {
        tracker.markUncacheable();
        return clock.now();
      },
    };
  };
}
