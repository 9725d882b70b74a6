import { describe, expect, test } from '@jest/globals';
import { afterPromises, EventLoopTurns } from '../../src/lib/turns.ts';

/** Notes when each turn of the event loop ends, until `count` of them have. */
function noteTurns(notes: string[], count: number): Promise<void> {
  return new Promise((resolve) => {
    const note = (left: number) => {
      notes.push('|');
      if (left === 1) resolve();
      else setImmediate(note, left - 1);
    };
    setImmediate(note, count);
  });
}

describe('work divided into turns of the event loop', () => {
  test('divided work is done in order, with a limited number of units per turn', async () => {
    const turns = new EventLoopTurns({ now: () => 0, turnMs: 25, turnUnits: 3 });
    const notes: string[] = [];

    for (let task = 0; task < 8; task += 1) {
      turns.defer(() => {
        turns.addUnits(1);
        notes.push(String(task));
      });
    }
    await noteTurns(notes, 5);

    expect(notes.join('').replace(/\|+$/, '')).toBe('012|345|67');
  });

  test('divided work is done for a limited time per turn, and at least one unit in each', async () => {
    let now = 0;
    const turns = new EventLoopTurns({ now: () => now, turnMs: 25, turnUnits: 1_000 });
    const notes: string[] = [];

    for (const [name, tookMs] of Object.entries({ a: 10, b: 10, c: 10, d: 100, e: 25, f: 1 })) {
      turns.defer(() => {
        now += tookMs;
        notes.push(name);
      });
    }
    await noteTurns(notes, 6);

    expect(notes.join('').replace(/\|+$/, '')).toBe('abc|d|e|f');
  });

  test('divided work includes the continuations of promises that it resolves', async () => {
    let now = 0;
    const turns = new EventLoopTurns({ now: () => now, turnMs: 25, turnUnits: 1_000 });
    const notes: string[] = [];

    for (const name of ['a', 'b']) {
      const begun = new Promise<void>((resolve) => turns.defer(resolve));
      void begun.then(() => {
        now += 30;
        notes.push(name);
      });
    }
    await noteTurns(notes, 4);

    expect(notes.join('').replace(/\|+$/, '')).toBe('a|b');
  });

  test('deferred work is executed in the order in which it was deferred', async () => {
    const turns = new EventLoopTurns({ now: () => 0, turnMs: 25, turnUnits: 2 });
    const notes: string[] = [];
    const work = (name: string, left: number) => {
      turns.defer(() => {
        turns.addUnits(1);
        notes.push(name);
        if (left > 1) work(name, left - 1);
      });
    };

    work('a', 3);
    work('b', 3);
    await noteTurns(notes, 5);

    expect(notes.join('').replace(/\|+$/, '')).toBe('ab|ab|ab');
  });
});

test('a task after promises runs after all pending continuations', async () => {
  const notes: string[] = [];

  await new Promise<void>((resolve) => {
    afterPromises(() => {
      notes.push('after');
      resolve();
    });
    let chain = Promise.resolve();
    for (let step = 0; step < 20; step += 1) chain = chain.then(() => void notes.push('step'));
  });

  expect(notes).toEqual([...Array.from({ length: 20 }, () => 'step'), 'after']);
});
