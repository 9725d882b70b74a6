import { expect, test } from '@jest/globals';
import { bearer, jwtAuth } from '../../support/issuer.ts';
import type { TimedResponse } from '../../support/refreshScenario.ts';
import { refreshesOf, startRefreshScenario, ttlsMs } from '../../support/refreshScenario.ts';

const rateLimit = 120;
const minute = 60_000;
const userCount = 100;
/** Each user sends an operation every 20 seconds. */
const pauseMs = 20_000;
const stepMs = 250;

const chat = 'id lastMessageText';
const operations = [
  ...[1, 2, 3, 4, 5].map((id) => `{ chat(id: ${id}) { ${chat} } }`),
  ...[1, 2, 3, 4].map((id) => `{ customer(id: ${id}) { id company } }`),
  `{ chats(first: 20) { nodes { ${chat} } } }`,
  `{ chats(first: 20, filter: { assigneeId: 12 }) { nodes { ${chat} } } }`,
  `{ chats(first: 20, filter: { departmentId: 3 }) { totalCount nodes { ${chat} } } }`,
  '{ customers(first: 20) { nodes { id company } } }',
  '{ customer(id: 1) { id chats(first: 5) { nodes { id lastMessageText } } } }',
  '{ chat(id: 6) { id messages(first: 10) { nodes { id text } } } }',
  '{ agents { id name } }',
  '{ departments { id name agents { id name } } }',
  '{ inboxSummary { open unread } }',
  '{ organization { id } }',
  '{ applications { id } }',
];

/** The ages of the values in a response, of which each states when it was read. */
function agesOf({ response, endedMs }: TimedResponse): { readonly ageMs: number; ttlMs: number }[] {
  const ages: { readonly ageMs: number; ttlMs: number }[] = [];
  JSON.stringify(response.data, (field, value: unknown) => {
    const ttlMs = { lastMessageText: ttlsMs.chats, text: ttlsMs.chats, company: ttlsMs.customers };
    const found = Object.entries(ttlMs).find(([name]) => name === field);
    if (found !== undefined) ages.push({ ageMs: endedMs - Number(value), ttlMs: found[1] });
    return value;
  });
  return ages;
}

const countBetween = (times: readonly number[], fromMs: number): number =>
  times.filter((time) => time >= fromMs && time < fromMs + minute).length;

test('100 users of 20 operations wait for no call after the first minute', async () => {
  await using scenario = await startRefreshScenario();
  const gateway = await scenario.startGateway({ auth: jwtAuth() });
  const users = await Promise.all(
    Array.from({ length: userCount }, (_, index) =>
      bearer({ role: 'agent', agentId: `${index + 1}` }),
    ),
  );
  const responses: TimedResponse[] = [];
  const pending = new Set<Promise<unknown>>();

  for (let step = 0; step * stepMs < 10 * minute; step += 1) {
    for (const [index, headers] of users.entries()) {
      if ((step * stepMs + index * (pauseMs / userCount)) % pauseMs >= stepMs) continue;
      const round = Math.floor((step * stepMs) / pauseMs);
      const operation = operations[(index + round) % operations.length] ?? '';
      const asking = scenario.send(gateway, operation, headers).then((response) => {
        responses.push(response);
        pending.delete(asking);
      });
      pending.add(asking);
    }
    await scenario.pass(stepMs);
  }
  while (pending.size > 0) await scenario.pass(stepMs);

  expect(operations).toHaveLength(20);
  expect(responses.flatMap(({ response }) => response.errors)).toEqual([]);
  const later = responses.filter(({ startedMs }) => startedMs >= minute);
  const waited = later.filter(({ waitedMs, response: { extensions } }) => {
    const { calls, shared } = extensions.upstream;
    return waitedMs > 0 || calls > 0 || shared > 0;
  });
  expect(waited).toEqual([]);
  expect(responses.filter(({ response }) => response.extensions.upstream['stale'])).toEqual([]);
  expect(responses.flatMap(agesOf).filter(({ ageMs, ttlMs }) => ageMs > ttlMs)).toEqual([]);

  const readCalls = responses.flatMap(({ endedMs, response }) =>
    Array.from({ length: response.extensions.upstream.calls }, () => endedMs),
  );
  const shares = scenario.callTimes.map((from) => {
    const others = countBetween(readCalls, from);
    return (countBetween(scenario.callTimes, from) - others) / (rateLimit - others);
  });
  expect(Math.max(...shares)).toBeLessThanOrEqual(0.5);
  const outcomes = await refreshesOf(gateway);
  expect(outcomes['failed']).toBe(0);
});
