import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';

/** What the layers report, as far as metrics show it. */
interface ObservedOperation {
  readonly account?: string | undefined;
  readonly operation: string;
  readonly kind: string | undefined;
  readonly code: string;
  readonly durationMs: number;
  readonly cacheHits: number;
  readonly shared: number;
  readonly staleMs?: number | undefined;
}

interface ObservedQueueWait {
  readonly account?: string | undefined;
  readonly priority: string;
  readonly viewer: string;
  readonly rejection: string | undefined;
  readonly waitMs: number;
}

interface ObservedCall {
  readonly account?: string | undefined;
  readonly endpoint: string;
  readonly outcome: string;
  readonly durationMs: number;
}

interface ObservedFieldUsage {
  readonly field: string;
  readonly client: { readonly name: string; readonly version: string };
  readonly count: number;
}

const seconds = (ms: number): number => ms / 1000;

/** Process metrics, shared by all gateways of the process. */
let processRegistry: Registry | undefined;

function getProcessRegistry(): Registry {
  if (processRegistry === undefined) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry });
  }
  return processRegistry;
}

const eventLoopFigures = /^nodejs_eventloop_lag_(?:min|max|mean|stddev|p[0-9]+)_seconds .*\n/gm;

/** The minimum of no measurements at all, in seconds. */
const emptyMinimum = /^nodejs_eventloop_lag_min_seconds 9223372036/m;

/** Removes the figures of the event loop if nothing was measured since the last scrape. */
const withoutEmptyFigures = (text: string): string =>
  emptyMinimum.test(text) ? text.replace(eventLoopFigures, '') : text;

const maxBatchSize = 500;

/** Records items in batches, which is much cheaper than one by one. */
function createBatchedMetric<Item>(record: (item: Item) => void) {
  let pending: Item[] = [];
  function flush(): void {
    const items = pending;
    pending = [];
    for (const item of items) record(item);
  }
  return {
    add(item: Item): void {
      pending.push(item);
      if (pending.length >= maxBatchSize) flush();
    },
    flush,
  };
}

/** The label `account` exists only if the gateway serves several accounts; its values are their names. */
const accountLabels = (account: string | undefined) => (account === undefined ? {} : { account });

/** Every label has a bounded set of values. */
const createInstruments = (registers: Registry[], byAccount: readonly string[]) => ({
  operations: new Counter({
    name: 'helpcrunch_operations_total',
    help: 'Completed operations, by the code of their first error.',
    labelNames: [...byAccount, 'operation', 'kind', 'code'],
    registers,
  }),
  operationSeconds: new Histogram({
    name: 'helpcrunch_operation_duration_seconds',
    help: 'Duration of operations, from request to response.',
    labelNames: [...byAccount, 'operation'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  }),
  cacheHits: new Counter({
    name: 'helpcrunch_cache_hits_total',
    help: 'Entities and lists returned from the cache.',
    labelNames: [...byAccount],
    registers,
  }),
  coalescedRequests: new Counter({
    name: 'helpcrunch_coalesced_requests_total',
    help: 'Operations that joined the upstream request of another operation.',
    labelNames: [...byAccount],
    registers,
  }),
  stale: new Counter({
    name: 'helpcrunch_stale_responses_total',
    help: 'Responses with stale data, because HelpCrunch was unavailable or the rate limit exhausted.',
    labelNames: [...byAccount],
    registers,
  }),
  calls: new Counter({
    name: 'helpcrunch_upstream_calls_total',
    help: 'Calls to HelpCrunch.',
    labelNames: [...byAccount, 'endpoint', 'outcome'],
    registers,
  }),
  callSeconds: new Histogram({
    name: 'helpcrunch_upstream_call_duration_seconds',
    help: 'Duration of calls to HelpCrunch.',
    labelNames: [...byAccount, 'endpoint'],
    buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  }),
  waitSeconds: new Histogram({
    name: 'helpcrunch_upstream_queue_seconds',
    help: 'Time that calls waited for a permit of the rate limiter; the count is the number of granted calls.',
    labelNames: [...byAccount, 'priority', 'viewer'],
    buckets: [0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  }),
  queueRejections: new Counter({
    name: 'helpcrunch_upstream_calls_rejected_total',
    help: 'Calls that were rejected because no permit was available before their deadline.',
    labelNames: [...byAccount, 'priority', 'viewer', 'reason'],
    registers,
  }),
  permitLosses: new Counter({
    name: 'helpcrunch_rate_limit_losses_total',
    help: 'Losses of permits in Redis, which were restored.',
    labelNames: [...byAccount],
    registers,
  }),
});

const createHttpInstruments = (registers: Registry[]) => ({
  requests: new Counter({
    name: 'helpcrunch_http_requests_total',
    help: 'HTTP responses.',
    labelNames: ['route', 'status'],
    registers,
  }),
  rejections: new Counter({
    name: 'helpcrunch_credentials_rejected_total',
    help: 'Rejected credentials, by reason and entry point.',
    labelNames: ['reason', 'entry_point'],
    registers,
  }),
  requestRejections: new Counter({
    name: 'helpcrunch_requests_rejected_total',
    help: 'Requests and connections that were rejected before execution, except for their credentials.',
    labelNames: ['reason', 'entry_point'],
    registers,
  }),
});

const createSchemaInstruments = (registers: Registry[]) => ({
  fieldUsage: new Counter({
    name: 'helpcrunch_field_usage_total',
    help: 'Executed operations that use an element of the schema, by client application.',
    labelNames: ['field', 'client', 'version'],
    registers,
  }),
  drift: new Counter({
    name: 'helpcrunch_upstream_drift_total',
    help: 'Values of HelpCrunch that differ from what the gateway knows, by resource and kind.',
    labelNames: ['resource', 'kind'],
    registers,
  }),
});

interface Rejection {
  readonly reason: string;
  readonly entryPoint: string;
}

export function createMetrics({ hasSeveralAccounts = false } = {}) {
  // Event loop delay and CPU time are measured from the start, not from the first scrape.
  getProcessRegistry();
  const registry = new Registry();
  const instruments = {
    ...createInstruments([registry], hasSeveralAccounts ? ['account'] : []),
    ...createHttpInstruments([registry]),
    ...createSchemaInstruments([registry]),
  };
  const queueWaits = createBatchedMetric((wait: ObservedQueueWait) => {
    const { priority, viewer, rejection: reason } = wait;
    const labels = { ...accountLabels(wait.account), priority, viewer };
    if (reason === undefined) instruments.waitSeconds.observe(labels, seconds(wait.waitMs));
    else instruments.queueRejections.inc({ ...labels, reason });
  });
  const upstreamCalls = createBatchedMetric((call: ObservedCall) => {
    const labels = { ...accountLabels(call.account), endpoint: call.endpoint };
    instruments.calls.inc({ ...labels, outcome: call.outcome });
    instruments.callSeconds.observe(labels, seconds(call.durationMs));
  });
  const observer = { onQueueWait: queueWaits.add, onCall: upstreamCalls.add };
  const reports = createBatchedMetric((report: ObservedOperation) => {
    const { operation, kind = 'none', code } = report;
    const account = accountLabels(report.account);
    instruments.operations.inc({ ...account, operation, kind, code });
    instruments.operationSeconds.observe({ ...account, operation }, seconds(report.durationMs));
    instruments.cacheHits.inc(account, report.cacheHits);
    instruments.coalescedRequests.inc(account, report.shared);
    if (report.staleMs !== undefined) instruments.stale.inc(account);
  });
  const httpResponses = createBatchedMetric(
    (response: { readonly route: string; readonly status: number }) => {
      instruments.requests.inc(response);
    },
  );
  const flushes = [queueWaits, upstreamCalls, reports, httpResponses].map(({ flush }) => flush);
  return {
    registry,
    observer,
    operation: reports.add,
    request: httpResponses.add,
    rejected({ reason, entryPoint }: Rejection): void {
      instruments.rejections.inc({ reason, entry_point: entryPoint });
    },
    fieldUsed({ field, client, count }: ObservedFieldUsage): void {
      instruments.fieldUsage.inc({ field, client: client.name, version: client.version }, count);
    },
    /** Runs the task before the metrics are read. */
    beforeScrape(task: () => void): void {
      flushes.push(task);
    },
    drift({ resource, kind }: { readonly resource: string; readonly kind: string }): void {
      instruments.drift.inc({ resource, kind });
    },
    permitsLost(account: string | undefined): void {
      instruments.permitLosses.inc(accountLabels(account));
    },
    requestRejected({ reason, entryPoint }: Rejection): void {
      instruments.requestRejections.inc({ reason, entry_point: entryPoint });
    },
    /** Without a duration: rejections are fast and would hide slow operations. */
    operationRejected(code: string): void {
      instruments.operations.inc({ operation: 'other', kind: 'none', code });
    },
    contentType: registry.contentType,
    async text() {
      for (const flush of flushes) flush();
      return withoutEmptyFigures(await Registry.merge([registry, getProcessRegistry()]).metrics());
    },
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
