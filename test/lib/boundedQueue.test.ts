import { expect, test } from '@jest/globals';
import { createBoundedQueue } from '../../src/lib/boundedQueue.ts';

/** A queue with one item and a consumer. */
function createConsumedQueue() {
  const seen: string[] = [];
  let resume: () => void = () => undefined;
  const queue = createBoundedQueue<string>({
    maxLength: 3,
    overflowItem: 'overflow',
    onEnd: () => seen.push('onEnd'),
  });
  queue.push('early');
  queue.items.consume({
    take(item, next) {
      seen.push(item);
      resume = next;
    },
    end: () => seen.push('end'),
  });
  return { queue, seen, resume: () => resume() };
}

test('a consumer receives a queued item, and the next one after it has resumed', () => {
  const { queue, seen, resume } = createConsumedQueue();

  queue.push('a');
  expect(seen).toEqual(['early']);
  resume();
  expect(seen).toEqual(['early', 'a']);
  resume();
  queue.push('b');
  expect(seen).toEqual(['early', 'a', 'b']);
});

test('a consumer that does not resume loses the items of a full queue', () => {
  const { queue, seen, resume } = createConsumedQueue();

  for (const item of ['a', 'b', 'c', 'd']) queue.push(item);
  for (let count = 0; count < 3; count += 1) resume();

  expect(seen).toEqual(['early', 'overflow', 'd']);
});

test('a finished queue ends when its consumer has taken everything', () => {
  const { queue, seen, resume } = createConsumedQueue();

  queue.push('a');
  queue.finish();
  queue.push('late');
  resume();
  expect(seen).toEqual(['early', 'a']);
  resume();

  expect(seen).toEqual(['early', 'a', 'end', 'onEnd']);
});

test('a returned queue ends at once and passes nothing more', async () => {
  const { queue, seen, resume } = createConsumedQueue();

  queue.push('a');
  await queue.items.return?.();
  resume();
  queue.push('b');

  expect(seen).toEqual(['early', 'end', 'onEnd']);
});

test('the consumer of a closed queue ends at once', async () => {
  const { queue, seen } = createConsumedQueue();
  await queue.items.return?.();

  queue.items.consume({ take: () => seen.push('taken'), end: () => seen.push('second end') });

  expect(seen.at(-1)).toBe('second end');
});
