import { expect, test } from '@jest/globals';
import { AbortScope } from '../../src/lib/abortScope.ts';

const reason = new Error('the client has disconnected');

test('an abort scope calls its listeners once, in order, after it has its reason', () => {
  const scope = new AbortScope();
  const calls: unknown[] = [];
  scope.addEventListener('abort', () => calls.push(['first', scope.reason]));
  scope.addEventListener('abort', () => calls.push(['second', scope.aborted]));
  scope.abort(reason);
  scope.abort(new Error('too late'));
  expect(calls).toEqual([
    ['first', reason],
    ['second', true],
  ]);
  expect(scope.reason).toBe(reason);
});

test('an abort scope does not call a listener that an earlier one has removed', () => {
  const scope = new AbortScope();
  const calls: string[] = [];
  const second = () => void calls.push('second');
  scope.addEventListener('abort', () => {
    calls.push('first');
    scope.removeEventListener('abort', second);
  });
  scope.addEventListener('abort', second);
  scope.abort(reason);
  expect(calls).toEqual(['first']);
});

test('an abort scope throws its reason once it is aborted', () => {
  const scope = new AbortScope();
  expect(() => scope.throwIfAborted()).not.toThrow();
  scope.abort(reason);
  expect(() => scope.throwIfAborted()).toThrow(reason);
});
