import type { WriteStream } from 'node:tty';
import { systemClock } from '../lib/clock.ts';

const colours = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39] } as const;

/** `text` as it is, or in colour where a person looks who has not set NO_COLOR. */
export function paint(stream: WriteStream, colour: keyof typeof colours, text: string): string {
  if (!stream.isTTY || !stream.hasColors()) return text;
  const [begin, end] = colours[colour];
  return `\u001b[${begin}m${text}\u001b[${end}m`;
}

const progressDelayMs = 1_000;

/** Says on a terminal what takes more than a second, and takes it back at the end. */
export async function showProgress<Result>(
  text: string,
  work: Promise<Result>,
  stream: WriteStream = process.stderr,
): Promise<Result> {
  // Elsewhere it would stand between the lines of a log.
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
