import type { Writable } from 'node:stream';

export interface LogDestination {
  write(line: string): void;
  /** How many lines could not be written so far. */
  lostLines(): number;
}

interface Options {
  /** Makes the text of a line. */
  readonly format?: (line: string) => string;
  /** Told how many lines were lost, when one was written again. */
  readonly onResume?: (lostLines: number) => void;
}

/** What a reader that stands still may leave unread; further lines are lost. */
const maxUnreadBytes = 8_388_608;

const guarded = new WeakSet<Writable>();

/** A stream of the process that cannot be written to (a full disk, a pipe without a reader) does not end the process. */
export function ignoreFailures(stream: Writable): void {
  if (guarded.has(stream)) return;
  guarded.add(stream);
  stream.on('error', () => undefined);
}

/** Writes lines while the stream takes them, and counts those that it does not take. */
export function createLogDestination(
  stream: Writable,
  { format = (line) => line, onResume }: Options = {},
): LogDestination {
  ignoreFailures(stream);
  let lost = 0;
  let reported = 0;

  function settle(error: Error | null | undefined): void {
    if (error) {
      lost += 1;
      return;
    }
    const lines = lost - reported;
    if (lines === 0) return;
    reported = lost;
    onResume?.(lines);
  }

  return {
    write(line) {
      if (stream.writableLength > maxUnreadBytes) lost += 1;
      else stream.write(format(line), settle);
    },
    lostLines: () => lost,
  };
}
