import type { WriteStream } from 'node:tty';
import { systemClock } from './clock.ts';

const colors = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39] } as const;

/** Colors text on a terminal that supports it, unless NO_COLOR is set. */
export function paint(stream: WriteStream, color: keyof typeof colors, text: string): string {
  if (!stream.isTTY || !stream.hasColors()) return text;
  const [begin, end] = colors[color];
  return `\u001b[${begin}m${text}\u001b[${end}m`;
}

const progressDelayMs = 1_000;

/** Shows a line on a terminal while work takes more than a second. */
export async function showProgress<Result>(
  text: string,
  work: Promise<Result>,
  stream: WriteStream = process.stderr,
): Promise<Result> {
  // Otherwise it would appear in a log.
  if (!stream.isTTY) return work;
  let clearLine = (): void => undefined;
  const cancel = systemClock.after(progressDelayMs, () => {
    stream.write(paint(stream, 'dim', `${text} …`));
    clearLine = () => void stream.write('\r\u001b[K');
  });
  try {
    return await work;
  } finally {
    cancel();
    clearLine();
  }
}
