import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createSources } from '../../src/resources/registry.ts';
import { DependencyTracker } from '../../src/lib/dependencyTracker.ts';
import { createRateLimiter } from '../../src/upstream/rateLimit/registry.ts';
import { EntityCache } from '../../src/upstream/cache/entityCache.ts';
import type { UpstreamClient } from '../../src/upstream/client.ts';
import { createUpstreamClient } from '../../src/upstream/client.ts';
import { createWriteServices } from '../../src/upstream/writes/services.ts';
import { createTransport } from '../../src/upstream/transport.ts';
import type { ControlledUpstream, HeldCall } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { createDeferred } from '../support/deferred.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { propertyRuns } from '../support/propertyRuns.ts';

const oneDay = 86_400_000;

const clock = createManualClock();
let upstream: ControlledUpstream;
let warnings: string[];
const recordWarning = ({ name }: Error) => warnings.push(name);

beforeEach(async () => {
  upstream = await startControlledUpstream();
  upstream.seed({ chats: [{ id: 1 }] });
  warnings = [];
  process.on('warning', recordWarning);
});

afterEach(async () => {
  process.off('warning', recordWarning);
  await upstream[Symbol.asyncDispose]();
});

/** Holds every call from now on; `all` resolves when `count` calls are held, `over` when the gateway has aborted all. */
function holdAll(count: number) {
  const held: HeldCall[] = [];
  const reached = createDeferred();
  upstream.onEveryCall((call) => {
    held.push(call);
    if (held.length === count) reached.resolve();
  });
  return {
    all: reached.promise.then(() => Promise.all(held.map(({ arrived }) => arrived))),
    over: async () => {
      await Promise.all(held.map(({ aborted }) => aborted));
      upstream.onEveryCall();
      upstream.clearCalls();
    },
  };
}

/** A raw client: sends a query and returns a function that disconnects. */
function connectRaw({ url }: { readonly url: string }, query: string) {
  const { host, hostname, port } = new URL(url);
  const body = JSON.stringify({ query });
  const socket = connect(Number(port), hostname, () => {
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n` +
        `content-length: ${body.length}\r\n\r\n${body}`,
    );
  });
  socket.on('error', () => undefined);
  socket.resume();
  return () => socket.destroy();
}

test('calls in flight, shared and queued calls end when their clients disconnect', async () => {
  await using free = await startTestGateway({
    upstream,
    clock,
    config: { rateLimit: 0 },
  });
  const config = { rateLimit: 1, operationTimeoutMs: oneDay };
  await using full = await startTestGateway({ upstream, clock, config });
  await full.query('{ chat(id: 1) { id } }');
  const held = holdAll(101);

  const leave = [
    ...Array.from({ length: 100 }, (_, id) => connectRaw(free, `{ chat(id: ${id + 2}) { id } }`)),
    ...Array.from({ length: 50 }, () => connectRaw(free, '{ agents { id } }')),
    ...Array.from({ length: 50 }, (_, id) => connectRaw(full, `{ chat(id: ${id + 2}) { id } }`)),
  ];
  await held.all;
  await full.waitForQueuedCalls(50);
  for (const go of leave) go();

  await held.over();
  await full.waitForQueuedCalls(0);
  expect(warnings).toEqual([]);
  expect((await free.query('{ chat(id: 1) { id } }')).data).toEqual({ chat: { id: '1' } });
});

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

const createClient = (limit: number) =>
  createUpstreamClient({
    transport: createTransport({
      baseUrl: upstream.url,
      userAgent: 'test',
      timeoutMs: oneDay,
      keepAliveMs: 4_000,
      maxResponseBytes: 1_000_000,
      clock,
    }),
    rateLimiter: createRateLimiter({ limit, clock }),
    writes: createWriteServices(clock),
    cache: new EntityCache({
      maxBytes: 1_000_000,
      ttlsMs: { chats: 0, customers: 0, account: 0, absent: 0 },
      staleIfErrorMs: 0,
      clock,
    }),
    clock,
    log,
    maxRetries: 2,
    onHoldSpelling: 'on hold',
    observer: { onQueueWait: () => undefined, onCall: () => undefined },
  });

/** Runs an operation without GraphQL. */
function runOperation(client: UpstreamClient, viewer: string) {
  const controller = new AbortController();
  const context = {
    apiKey: upstream.key,
    account: 'acme',
    viewer: { key: viewer, class: 'agent' },
    readPriority: 'read',
    signal: () => controller.signal,
    deadlineMs: clock.monotonic() + oneDay,
    usage: { calls: 0, cacheHits: 0, shared: 0 },
    tracker: new DependencyTracker(),
    bypassesCache: false,
  } as const;
  const sources = createSources(() => client.forOperation(context));
  return {
    context,
    sources,
    disconnect: () => controller.abort(new Error('The client has disconnected.')),
  };
}

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

function heapUsed(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

test('thousands of operations whose clients disconnect leave no call, no warning and no memory', async () => {
  const [free, full] = [createClient(0), createClient(1)];
  const begin = (viewer: string, client: UpstreamClient, id: string) => {
    const { sources, disconnect } = runOperation(client, viewer);
    return { disconnect, ended: sources.chats.byId(id).catch((error: unknown) => String(error)) };
  };
  await begin('first', full, '1').ended;

  /** A thousand operations start, a hundred for entities of their own, and all clients disconnect before the responses. */
  async function visit(): Promise<void> {
    const held = holdAll(101);
    const operations = Array.from({ length: 1_000 }, (_, index) => {
      if (index < 100) return begin(`viewer ${index}`, free, String(index + 2));
      if (index < 700) return begin(`viewer ${index}`, free, '1');
      return begin(`viewer ${index}`, full, String(index));
    });
    await held.all;
    for (const { disconnect } of operations) disconnect();
    const ends = await Promise.all(operations.map(({ ended }) => ended));
    await held.over();
    expect(new Set(ends)).toEqual(new Set(['Error: The client has disconnected.']));
    expect(full.quotaFor(runOperation(full, 'viewer').context).cached().remaining).toBe(0);
  }

  await visit();
  await visit();
  const before = heapUsed();
  const rounds = propertyRuns(4);
  for (let round = 0; round < rounds; round += 1) await visit();
  const keptPerClient = (heapUsed() - before) / (rounds * 1_000);

  expect(warnings).toEqual([]);
  // The signal and the listeners of a leaked operation alone would take more.
  expect(keptPerClient).toBeLessThan(300);
  free.close();
  full.close();
});
