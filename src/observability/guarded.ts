import type { Clock } from '../lib/clock.ts';
import type { Log } from './log.ts';

interface GuardOptions {
  readonly log: Log;
  /** Names the callback in the log, such as `websocket message`. */
  readonly name: string;
  /** Closes the resource that the callback belongs to. */
  readonly close?: () => void;
}

/** Wraps the callback of a socket, stream or subscription. An exception is logged, closes the resource, and never reaches the process. */
export function guarded<Arguments extends readonly unknown[]>(
  { log, name, close }: GuardOptions,
  callback: (...args: Arguments) => void,
): (...args: Arguments) => void {
  return (...args) => {
    try {
      callback(...args);
    } catch (error) {
      log.error('callback failed', { callback: name, error });
      close?.();
    }
  };
}

/** A clock whose timer callbacks never throw to the process. */
export const withGuardedTimers = (clock: Clock, log: Log): Clock => ({
  ...clock,
  after: (ms, task) => clock.after(ms, guarded({ log, name: 'timer' }, task)),
});

/** Runs a task that is not awaited. A rejection is handled like the exception of a guarded callback. */
export function runGuarded(
  { log, name, close }: GuardOptions,
  task: () => Promise<unknown> | undefined,
): void {
  void (async () => {
    try {
      await task();
    } catch (error) {
      log.error('callback failed', { callback: name, error });
      close?.();
    }
  })();
}
