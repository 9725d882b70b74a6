import { expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import type { ExpectedResult } from '../support/cacheOracle.ts';
import { CacheOracle } from '../support/cacheOracle.ts';
import { warmingOperations, wireAccount } from '../support/knownAccount.ts';
import type { GraphQLResponse } from '../support/gateway.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { propertyRuns } from '../support/propertyRuns.ts';
import { createRandom } from '../support/randomOperations.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';

const operationsPerCache = 20;
/** Enough to fill the whole cache. */
const rateLimit = 26;
const oneHour = 3_600_000;

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

/** Fills half of the cache, and then uses up the rate limit. Returns what is cached. */
async function fillCache(gateway: Gateway, random: () => number): Promise<ReadonlySet<string>> {
  const cached = new Set(Object.keys(warmingOperations).filter(() => random() < 0.5));
  for (const name of cached) {
    const { errors } = await gateway.query(warmingOperations[name] ?? '');
    expect(errors).toEqual([]);
  }
  for (let id = 1_000; ; id += 1) {
    const { errors } = await gateway.query(`{ chat(id: ${id}) { id } }`);
    if (errors[0]?.extensions['code'] === 'RATE_LIMITED') return cached;
  }
}

/** The path of the value that became null because of an error. */
function nulledBy(data: any, path: readonly (string | number)[]): string {
  let value = data;
  const depth = path.findIndex((key) => (value = value?.[key]) === null);
  return path.slice(0, depth + 1).join('.');
}

function problemsOf({ data, errors }: GraphQLResponse, expected: ExpectedResult): string[] {
  const paths = errors.map(({ path = [] }) => path.join('.'));
  const nulled = errors.map(({ path = [] }) => nulledBy(data, path));
  const unexpected = new Set(nulled);
  for (const path of [...expected.missing, ...expected.nulled]) unexpected.delete(path);
  const times = (path: string) => paths.filter((other) => other === path).length;
  return [
    ...(JSON.stringify(data) === JSON.stringify(expected.data) ? [] : ['other data']),
    ...(new Set(paths).size === paths.length ? [] : ['two errors at one path']),
    ...expected.missing.filter((path) => times(path) !== 1).map((path) => `no error at ${path}`),
    ...expected.nulled
      .filter((path) => !nulled.includes(path))
      .map((path) => `no error in ${path}`),
    ...[...unexpected].map((path) => `unexpected error at ${path}`),
    ...errors.flatMap(({ extensions }) =>
      extensions['code'] === 'RATE_LIMITED' && extensions['retryAfterMs'] > 0
        ? []
        : [`an error with the code ${extensions['code']}`],
    ),
  ];
}

test.each([
  { operationCache: 'on', count: 200 },
  { operationCache: 'off', count: 60 },
] as const)(
  'without quota, random operations return every cached field, and one error for each other field: $operationCache',
  async ({ operationCache, count }) => {
    const clock = createManualClock();
    await using upstream = await startRecordingUpstream();
    for (const [path, body] of wireAccount) upstream.respond(`GET ${path}`, { body });
    await using gateway = await startTestGateway({
      upstream,
      clock,
      config: { rateLimit, operationCache, cacheTtlsMs: readConfig({}).cacheTtlsMs },
    });
    const problems: string[] = [];
    let complete = 0;
    let failed = 0;

    for (let seed = 1; seed <= propertyRuns(count) / operationsPerCache; seed += 1) {
      const random = createRandom(seed * 7_919);
      clock.advance(oneHour);
      const oracle = new CacheOracle(random, await fillCache(gateway, random));
      upstream.clearCalls();
      for (let index = 0; index < operationsPerCache; index += 1) {
        const expected = oracle.next();
        const answer = await gateway.query(expected.query);
        const found = problemsOf(answer, expected);
        if (found.length > 0) {
          problems.push([seed, expected.query, JSON.stringify(answer.data), ...found].join('\n'));
        }
        if (answer.errors.length === 0) complete += 1;
        else failed += 1;
      }
      expect(upstream.calls).toEqual([]);
    }

    expect(problems).toEqual([]);
    expect(complete).toBeGreaterThan(count / 20);
    expect(failed).toBeGreaterThan(count / 4);
  },
);
