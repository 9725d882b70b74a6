import { expect, test } from '@jest/globals';
import type { Clock } from '../../src/lib/clock.ts';
import { startDemo } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';

/** A clock that records the timers that are set. */
function createRecordingClock() {
  const clock = createManualClock();
  const timers: number[] = [];
  const recording: Clock = {
    ...clock,
    after(ms, task) {
      timers.push(ms);
      return clock.after(ms, task);
    },
  };
  return { recording, timers };
}

test.each([
  ['a mutation', 'mutation ($id: ID!) { markChatRead(id: $id, by: AGENT, read: true) { id } }'],
  ['an uncached query', 'query ($id: ID!) { chat(id: $id) { id } }'],
])('%s sets one timer for the operation and one for its call', async (_name, document) => {
  const { recording: clock, timers } = createRecordingClock();
  const config = { rateLimit: 0, operationTimeoutMs: 9_000, upstreamTimeoutMs: 4_000 };
  await using demo = await startDemo({ clock, config });
  const { data } = await demo.query<{ chats: { nodes: { id: string }[] } }>(
    '{ chats(first: 1) { nodes { id } } }',
  );
  const id = data.chats.nodes[0]?.id;
  timers.length = 0;

  const { extensions } = await demo.query(document, { id }, { 'cache-control': 'no-cache' });

  expect(extensions.upstream.calls).toBe(1);
  expect(timers.toSorted((one, other) => other - one)).toEqual([9_000, 4_000]);
});
