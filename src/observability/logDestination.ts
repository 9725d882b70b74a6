import type { Writable } from 'node:stream';

interface LogDestination {
  write(line: string): void;
  /** The number of lines lost so far. */
  lostLines(): number;
}

interface LogDestinationOptions {
  readonly format?: (line: string) => string;
  /** Called with the number of lost lines when a line was written again. */
  readonly onResume?: (lostLines: number) => void;
}

/** Lines are dropped while a slow reader has left this much unread. */
const maxUnreadBytes = 8_388_608;

const streamsWithErrorHandler = new WeakSet<Writable>();

/** Errors of a stream of the process (a full disk, a closed pipe) do not end the process. */
export function ignoreFailures(stream: Writable): void {
  if (streamsWithErrorHandler.has(stream)) return;
  streamsWithErrorHandler.add(stream);
  stream.on('error', () => undefined);
}

/** Writes lines to a stream and counts those that it does not accept. */
export function createLogDestination(
  stream: Writable,
  { format = (line) => line, onResume }: LogDestinationOptions = {},
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
