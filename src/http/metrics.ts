import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import type { OperationReport } from '../graphql/report.ts';
import type { RejectedCredentials } from './authFailures.ts';
import type { CallObserver, CallReport, WaitReport } from '../upstream/watch.ts';

const seconds = (ms: number): number => ms / 1000;

/** The process' own figures: there is one process, however many gateways it runs. */
let processRegistry: Registry | undefined;

function figuresOfProcess(): Registry {
  if (processRegistry === undefined) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry });
  }
  return processRegistry;
}

const maxUncounted = 500;

/** Counts many at a time, which costs a small part of what it costs to count each by itself. */
function createTally<Item>(count: (item: Item) => void) {
  let uncounted: Item[] = [];
  function settle(): void {
    const items = uncounted;
    uncounted = [];
    for (const item of items) count(item);
  }
  return {
    add(item: Item): void {
      uncounted.push(item);
      if (uncounted.length >= maxUncounted) settle();
    },
    settle,
  };
}

/** What is counted as it happens. Every label has a bounded set of values. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const operations = new Counter({
    name: 'helpcrunch_operations_total',
    help: 'Operations answered, by the code of their first error.',
    labelNames: ['operation', 'kind', 'code'],
    registers,
  });
  const operationSeconds = new Histogram({
    name: 'helpcrunch_operation_duration_seconds',
    help: 'From the request of an operation to its answer.',
    labelNames: ['operation'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const cacheHits = new Counter({
    name: 'helpcrunch_cache_hits_total',
    help: 'Entities and lists that operations were answered from what is known.',
    registers,
  });
  const sharedWaits = new Counter({
    name: 'helpcrunch_shared_waits_total',
    help: 'Times an operation waited for a call of another instead of making its own.',
    registers,
  });
  const stale = new Counter({
    name: 'helpcrunch_stale_answers_total',
    help: 'Operations answered with something old, because the helpdesk was away or the minute spent.',
    registers,
  });
  const calls = new Counter({
    name: 'helpcrunch_upstream_calls_total',
    help: 'Calls made to the helpdesk.',
    labelNames: ['endpoint', 'outcome'],
    registers,
  });
  const callSeconds = new Histogram({
    name: 'helpcrunch_upstream_call_duration_seconds',
    help: 'From sending a call to the helpdesk to its answer or failure.',
    labelNames: ['endpoint'],
    buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  const waitSeconds = new Histogram({
    name: 'helpcrunch_upstream_wait_seconds',
    help: "How long calls waited for room in the account's minute before they left.",
    labelNames: ['priority'],
    buckets: [0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const refusals = new Counter({
    name: 'helpcrunch_upstream_calls_refused_total',
    help: "Calls that were never made, because the account's minute could not serve them in time.",
    labelNames: ['priority'],
    registers,
  });
  const requests = new Counter({
    name: 'helpcrunch_http_requests_total',
    help: 'HTTP requests answered.',
    labelNames: ['route', 'status'],
    registers,
  });
  const rejections = new Counter({
    name: 'helpcrunch_credentials_rejected_total',
    help: 'Rejected credentials, by reason and entry point.',
    labelNames: ['reason', 'entry_point'],
    registers,
  });
  const turns = createTally(({ priority, isServed, waitMs }: WaitReport) => {
    if (isServed) waitSeconds.observe({ priority }, seconds(waitMs));
    else refusals.inc({ priority });
  });
  const ended = createTally(({ endpoint, outcome, durationMs }: CallReport) => {
    calls.inc({ endpoint, outcome });
    callSeconds.observe({ endpoint }, seconds(durationMs));
  });
  const observer: CallObserver = { waited: turns.add, called: ended.add };
  const reports = createTally((report: OperationReport) => {
    const { operation, kind = 'none', code } = report;
    operations.inc({ operation, kind, code });
    operationSeconds.observe({ operation }, seconds(report.durationMs));
    cacheHits.inc(report.cacheHits);
    sharedWaits.inc(report.shared);
    if (report.staleMs !== undefined) stale.inc();
  });
  const answers = createTally((answer: { readonly route: string; readonly status: number }) => {
    requests.inc(answer);
  });
  return {
    registry,
    observer,
    operation: reports.add,
    request: answers.add,
    rejected({ reason, entryPoint }: RejectedCredentials): void {
      rejections.inc({ reason, entry_point: entryPoint });
    },
    contentType: registry.contentType,
    text() {
      for (const { settle } of [turns, ended, reports, answers]) settle();
      return Registry.merge([registry, figuresOfProcess()]).metrics();
    },
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
