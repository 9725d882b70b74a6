import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readConfig } from '../../../src/config/settings.ts';
import type { RecordedCall } from '../../support/recordingUpstream.ts';
import type { ControlledUpstream, HeldCall } from '../../support/controlledUpstream.ts';
import { startControlledUpstream } from '../../support/controlledUpstream.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { propertyParameters } from '../../support/propertyRuns.ts';

const clock = createManualClock();
const oneHour = 3_600_000;

let upstream: ControlledUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  upstream = await startControlledUpstream();
  gateway = await startTestGateway({
    upstream,
    clock,
    config: {
      rateLimit: 0,
      cacheTtlsMs: readConfig({}).cacheTtlsMs,
      // Entries may expire while calls are held, but calls must not time out.
      operationTimeoutMs: 600_000,
      upstreamTimeoutMs: 600_000,
    },
  });
});

afterAll(async () => {
  await gateway.stop();
  await upstream[Symbol.asyncDispose]();
});

const nodes = 'nodes { id lastMessageText }';

/** The ways to read a chat, which is returned in `nodes` or as `chat`. */
const reads = {
  single: '{ chat(id: 1) { id lastMessageText } }',
  list: `{ chats { ${nodes} } }`,
  search: `{ chats(filter: { customerId: 7 }) { ${nodes} } }`,
  own: `{ _entities(representations: [{ __typename: "Customer", id: 7 }, { __typename: "Customer", id: 8 }]) {
    ... on Customer { chats { ${nodes} } }
  } }`,
} as const;

const all = `{ ${Object.values(reads)
  .map((read, index) => read.slice(1, -1).replace(/(chats?|_entities)/, `r${index}: $1`))
  .join(' ')} }`;

const readPaths = ['single', 'list', 'search', 'own'] as const;

/** Every version of chat 1 in a response. */
function versionsIn(value: unknown): number[] {
  if (Array.isArray(value)) return value.flatMap(versionsIn);
  if (typeof value !== 'object' || value === null) return [];
  const { id, lastMessageText } = value as Record<string, unknown>;
  if (typeof lastMessageText !== 'string') return Object.values(value).flatMap(versionsIn);
  return id === '1' ? [Number(lastMessageText)] : [];
}

interface PendingRead {
  readonly held: HeldCall;
  call?: RecordedCall;
  isApplied: boolean;
}

type Step =
  | { readonly kind: 'read'; readonly way: (typeof readPaths)[number]; readonly isRefresh: boolean }
  | { readonly kind: 'write'; readonly id: 1 | 2; readonly isLost: boolean }
  /** Advances one of the calls in flight. */
  | { readonly kind: 'go'; readonly which: number }
  /** Another client of HelpCrunch changes the chat. */
  | { readonly kind: 'age' };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('read' as const),
        way: fc.constantFrom(...readPaths),
        isRefresh: fc.nat(9).map((number) => number === 0),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        id: fc.constantFrom(1 as const, 1 as const, 1 as const, 2 as const),
        isLost: fc.nat(7).map((number) => number === 0),
      }),
    },
    {
      weight: 7,
      arbitrary: fc.record({ kind: fc.constant('go' as const), which: fc.nat(20) }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'age' as const }) },
  ),
  { minLength: 6, maxLength: 16 },
);

/** Responses to markChatRead by CUSTOMER are lost. */
const mark = (id: number, isToBeLost: boolean) =>
  `mutation { markChatRead(id: ${id}, by: ${isToBeLost ? 'CUSTOMER' : 'AGENT'}, read: true) { id lastMessageText } }`;

const isLost = ({ call }: PendingRead): boolean => call?.path === '/chats/readByCustomer';

function answer(waiting: PendingRead): void {
  waiting.held.respond(isLost(waiting) ? { status: 502 } : undefined);
}

/** Gives the gateway time to start earlier requests. */
const settled = async () => (await fetch(`${gateway.url}/healthz`)).text();

/** Runs the steps; true if no operation saw an older version than one that was returned before it started. */
async function race(plan: readonly Step[]): Promise<{ old: number; joined: number }> {
  clock.advance(oneHour);
  const customers = [{ id: 7 }, { id: 8 }];
  upstream.seed({ customers, chats: [1, 2].map((id) => ({ id, customer: { id: 6 + id } })) });
  upstream.clearCalls();
  const underWay: PendingRead[] = [];
  let isOver = false;
  upstream.onEveryCall((held) => {
    const waiting: PendingRead = { held, isApplied: false };
    void held.arrived.then((call) => {
      waiting.call = call;
      if (isOver) answer(waiting);
      else underWay.push(waiting);
    });
  });
  const operations: Promise<void>[] = [];
  let answered = 0;
  let old = 0;
  let joined = 0;
  /** The versions written by lost writes of chat 1, in order. */
  const lost: number[] = [];

  function begin(document: string, headers = {}) {
    const least = answered;
    const isWrite = document.startsWith('mutation');
    operations.push(
      gateway.query(document, undefined, headers).then(({ data, errors, extensions }) => {
        if (errors.length > 0 && !isWrite) throw new Error(JSON.stringify(errors));
        const versions = versionsIn(data);
        old += versions.filter((version) => version < least).length;
        joined += Number(extensions.upstream['shared']);
        // A write whose response was lost was applied.
        if (!isWrite) return;
        if (errors.length > 0 && document.includes('id: 1,')) versions.push(lost.shift() ?? 0);
        answered = Math.max(answered, ...versions);
      }),
    );
    return settled();
  }

  for (const step of plan) {
    switch (step.kind) {
      case 'read':
        await begin(reads[step.way], step.isRefresh ? { 'cache-control': 'no-cache' } : {});
        break;
      case 'write':
        await begin(mark(step.id, step.isLost));
        break;
      case 'age':
        clock.advance(3_000);
        break;
      case 'go': {
        const call = underWay[step.which % Math.max(1, underWay.length)];
        if (call === undefined) break;
        if (call.isApplied) {
          underWay.splice(underWay.indexOf(call), 1);
          answer(call);
          await settled();
        } else {
          call.isApplied = true;
          call.held.apply();
          if (isLost(call) && call.call?.body.id === 1) {
            lost.push(Number(upstream.chats.get(1)?.['lastMessageText']));
          }
        }
        break;
      }
    }
  }
  isOver = true;
  for (const waiting of underWay) answer(waiting);
  await Promise.all(operations);
  upstream.onEveryCall();
  await begin(all);
  await Promise.all(operations);
  return { old, joined };
}

test('no operation that starts after the response of a write sees an older version', async () => {
  const parameters = propertyParameters(100);
  let joined = 0;

  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const seen = await race(plan);

      expect(seen.old).toBe(0);
      joined += seen.joined;
    }),
    { ...parameters, endOnFailure: true },
  );

  // The interleavings must include shared requests.
  expect(joined).toBeGreaterThan(0.3 * parameters.numRuns);
});
