import { createSignal } from './signal.ts';
import type { Signal } from './signal.ts';

const prefix = 'inbox.';

/** Storage can be full or forbidden; the page then works without it. */
function write(key: string, value: unknown): void {
  try {
    if (value === undefined) localStorage.removeItem(prefix + key);
    else localStorage.setItem(prefix + key, JSON.stringify(value));
  } catch {
    // The value is kept in memory.
  }
}

function parse(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

function read(key: string): unknown {
  try {
    return parse(localStorage.getItem(prefix + key));
  } catch {
    return undefined;
  }
}

/** A signal whose value survives a reload. Other windows of the browser receive its changes. */
export function createStored<T>(key: string, decode: (stored: unknown) => T): Signal<T> {
  const signal = createSignal(decode(read(key)));
  window.addEventListener('storage', (event) => {
    if (event.key === prefix + key) signal.set(decode(read(key)));
  });
  return {
    ...signal,
    set(value) {
      signal.set(value);
      write(key, value);
    },
  };
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** The object that the text contains; an empty one if it is not valid. */
export function parseObject(text: string): Readonly<Record<string, unknown>> {
  const value = parse(text);
  return isObject(value) ? value : {};
}
