import { describe, expect, test } from '@jest/globals';
import { afterPromises, Turns } from '../../src/lib/turns.ts';

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

describe('work that is divided among turns of the event loop', () => {
  test('is done in order, as many units in a turn as may be, although no time passes', async () => {
    const turns = new Turns({ now: () => 0, turnMs: 25, turnUnits: 3 });
    const notes: string[] = [];

    for (let task = 0; task < 8; task += 1) {
      turns.defer(() => {
        turns.begin(1);
        notes.push(String(task));
      });
    }
    await noteTurns(notes, 5);

    expect(notes.join('').replace(/\|+$/, '')).toBe('012|345|67');
  });

  test('is done for as long as a turn may take, and at least one part of it in each', async () => {
    let now = 0;
    const turns = new Turns({ now: () => now, turnMs: 25, turnUnits: 1_000 });
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

  test('includes what goes on after the promise that a part of it resolves', async () => {
    let now = 0;
    const turns = new Turns({ now: () => now, turnMs: 25, turnUnits: 1_000 });
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

  test('is shared out to all who defer it, first come first served', async () => {
    const turns = new Turns({ now: () => 0, turnMs: 25, turnUnits: 2 });
    const notes: string[] = [];
    const work = (name: string, left: number) => {
      turns.defer(() => {
        turns.begin(1);
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

test('a task after promises runs when all that can go on has gone on', async () => {
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
