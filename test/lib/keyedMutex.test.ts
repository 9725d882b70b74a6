import { expect, test } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { KeyedMutex } from '../../src/lib/keyedMutex.ts';

const neverAborted = () => new AbortController().signal;

const neverRun = (): never => {
  throw new Error('There is no task.');
};

/** A task that ends when `end` is called. */
function createTask(name: string, log: string[]) {
  let end = (): void => undefined;
  const promise = new Promise<string>((resolve) => {
    end = () => resolve(name);
  });
  return {
    end: () => end(),
    run: () => {
      log.push(name);
      return promise;
    },
  };
}

test('tasks of one key run one after the other in order, and those of other keys at the same time', async () => {
  const mutex = new KeyedMutex();
  const log: string[] = [];
  const [first, second, third, other] = ['first', 'second', 'third', 'other'].map((name) =>
    createTask(name, log),
  );
  const results = [first, second, third].map((task) =>
    mutex.run('one', neverAborted(), task?.run ?? neverRun),
  );
  const otherResult = mutex.run('other', neverAborted(), other?.run ?? neverRun);
  other?.end();
  expect(await otherResult).toBe('other');
  expect(log).toEqual(['first', 'other']);
  first?.end();
  await results[0];
  second?.end();
  await results[1];
  third?.end();
  expect(await Promise.all(results)).toEqual(['first', 'second', 'third']);
  expect(log).toEqual(['first', 'other', 'second', 'third']);
});

test('a failed task does not stop the next one', async () => {
  const mutex = new KeyedMutex();
  const failed = mutex.run('one', neverAborted(), () => Promise.reject(new Error('failed')));
  const next = mutex.run('one', neverAborted(), () => Promise.resolve('next'));
  await expect(failed).rejects.toThrow('failed');
  expect(await next).toBe('next');
});

test('a task whose signal is aborted while it waits is not run and rejects at once', async () => {
  const mutex = new KeyedMutex();
  const log: string[] = [];
  const first = createTask('first', log);
  const running = mutex.run('one', neverAborted(), first.run);
  const controller = new AbortController();
  const aborted = mutex.run('one', controller.signal, createTask('aborted', log).run);
  const last = mutex.run('one', neverAborted(), () => Promise.resolve('last'));
  controller.abort(new Error('disconnected'));
  await expect(aborted).rejects.toThrow('disconnected');
  first.end();
  expect(await Promise.all([running, last])).toEqual(['first', 'last']);
  expect(log).toEqual(['first']);
});

test('a task listens to its signal only while it waits', async () => {
  const mutex = new KeyedMutex();
  const signals = [neverAborted(), neverAborted()] as const;
  const listeners = () => signals.map((signal) => getEventListeners(signal, 'abort').length);
  const first = createTask('first', []);
  const second = createTask('second', []);
  const results = [
    mutex.run('one', signals[0], first.run),
    mutex.run('one', signals[1], second.run),
  ];
  expect(listeners()).toEqual([0, 1]);
  first.end();
  await results[0];
  expect(listeners()).toEqual([0, 0]);
  second.end();
  await results[1];
});
