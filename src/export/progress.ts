import type { Clock } from '../lib/clock.ts';
import { maxOverlappedSize } from '../lib/listReader.ts';
import type { ExportProgress } from './options.ts';
import type { ExportState } from './state.ts';
import { linesOf } from './state.ts';

const windowMs = 60_000;

/** Counts the calls of the last minute. */
export class CallCounter {
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  #recent: { readonly atMs: number; readonly calls: number }[] = [];
  #total: number;

  constructor(clock: Clock, callsBefore: number) {
    this.#clock = clock;
    this.#startedAtMs = clock.monotonic();
    this.#total = callsBefore;
  }

  get total(): number {
    return this.#total;
  }

  add(calls: number): void {
    this.#total += calls;
    this.#recent.push({ atMs: this.#clock.monotonic(), calls });
  }

  perMinute(): number {
    const now = this.#clock.monotonic();
    this.#recent = this.#recent.filter(({ atMs }) => atMs > now - windowMs);
    const calls = this.#recent.reduce((sum, entry) => sum + entry.calls, 0);
    const elapsedMs = Math.min(windowMs, Math.max(1_000, now - this.#startedAtMs));
    return (calls * windowMs) / elapsedMs;
  }
}

/** The calls that remain if each chat has one page of messages; null if the number of remaining rows is not known. */
function remainingCalls(
  { lists, pending, files }: ExportState,
  exports: (kind: 'chats' | 'customers' | 'messages') => boolean,
): number | null {
  const remainingRows = (name: 'chats' | 'customers') => {
    const { isDone, total } = lists[name];
    if (isDone) return 0;
    // Without the rows in the files it is not known how many have been read.
    return total === null || !exports(name) ? null : Math.max(0, total - files[name].lines);
  };
  const chats = exports('chats') || exports('messages') ? remainingRows('chats') : 0;
  const customers = exports('customers') ? remainingRows('customers') : 0;
  if (chats === null) return null;
  const messages = exports('messages') ? chats + pending.length : 0;
  return messages + Math.ceil((chats + (customers ?? 0)) / maxOverlappedSize);
}

interface ProgressOptions extends Pick<ExportProgress, 'phase' | 'isUpToDate'> {
  readonly exports: (kind: 'chats' | 'customers' | 'messages') => boolean;
}

export function progressOf(
  state: ExportState,
  counter: CallCounter,
  { phase, isUpToDate, exports }: ProgressOptions,
): ExportProgress {
  const callsPerMinute = counter.perMinute();
  const remaining = phase === 'list' ? remainingCalls(state, exports) : null;
  const isKnown = remaining !== null && callsPerMinute > 0;
  return {
    phase,
    isUpToDate,
    lines: linesOf(state),
    skippedChats: state.skipped.map(({ chatId }) => chatId),
    calls: counter.total,
    callsPerMinute,
    remainingMs: isKnown ? (remaining * windowMs) / callsPerMinute : null,
  };
}
