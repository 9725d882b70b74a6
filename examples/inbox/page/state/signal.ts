import { useSyncExternalStore } from 'react';

export interface Signal<T> {
  get(): T;
  set(value: T): void;
  listen(listener: () => void): () => void;
}

/** A value outside of React's state. */
export function createSignal<T>(first: T): Signal<T> {
  const listeners = new Set<() => void>();
  let current = first;
  return {
    get: () => current,
    set(value) {
      current = value;
      for (const listener of listeners) listener();
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export const useSignal = <T>({ listen, get }: Signal<T>): T => useSyncExternalStore(listen, get);
