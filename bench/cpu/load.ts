import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** A request as it goes over the line, head and body. */
export interface Shot {
  readonly bytes: Buffer;
}

export const send = (method: 'POST' | 'PUT', url: URL, payload: unknown): Shot => {
  const body = JSON.stringify(payload);
  const head = [
    `${method} ${url.pathname} HTTP/1.1`,
    `host: ${url.host}`,
    'content-type: application/json',
    'accept: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return { bytes: Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`) };
};

export const post = (url: URL, payload: unknown): Shot => send('POST', url, payload);

export const get = (url: URL): Shot => ({
  bytes: Buffer.from(`GET ${url.pathname} HTTP/1.1\r\nhost: ${url.host}\r\n\r\n`),
});

export interface Hit {
  readonly status: number;
  readonly body: string;
}

const headEnd = Buffer.from('\r\n\r\n');
const lastChunk = Buffer.from('0\r\n\r\n');

/** The length of the first answer in `bytes`; undefined while it is not whole. */
function wholeLength(bytes: Buffer): { end: number; bodyStart: number } | undefined {
  const end = bytes.indexOf(headEnd);
  if (end === -1) return undefined;
  const bodyStart = end + headEnd.length;
  const head = bytes.toString('latin1', 0, end).toLowerCase();
  const length = /content-length: *(\d+)/.exec(head)?.[1];
  if (length !== undefined) {
    const whole = bodyStart + Number(length);
    return bytes.length >= whole ? { end: whole, bodyStart } : undefined;
  }
  const chunkEnd = bytes.indexOf(lastChunk, bodyStart);
  return chunkEnd === -1 ? undefined : { end: chunkEnd + lastChunk.length, bodyStart };
}

/** A line that asks one thing after the other. Cheaper than Node's own client, which would be the slowest part. */
export class Line {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #answered: ((hit: Hit) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  constructor(url: URL) {
    this.#socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('error', (error) => this.#failed?.(error));
    this.#socket.on('close', () => this.#failed?.(new Error('The line was closed.')));
  }

  #read(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const whole = wholeLength(this.#bytes);
    if (whole === undefined) return;
    const answered = this.#answered;
    const status = Number(this.#bytes.toString('latin1', 9, 12));
    const body = this.#bytes.toString('utf8', whole.bodyStart, whole.end);
    this.#bytes = this.#bytes.subarray(whole.end);
    this.#answered = undefined;
    this.#failed = undefined;
    answered?.({ status, body });
  }

  ask({ bytes }: Shot): Promise<Hit> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(bytes);
    });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }
}

/** Asks until the time is over, each line what is `next` as soon as it has its answer; gives the number of answers. */
export async function fireNext(
  lines: readonly Line[],
  next: (line: number) => Shot | undefined,
  forMs: number,
): Promise<number> {
  const until = performance.now() + forMs;
  let count = 0;
  await Promise.all(
    lines.map(async (line, place) => {
      while (performance.now() < until) {
        const shot = next(place);
        if (shot === undefined) return;
        const { status, body } = await line.ask(shot);
        if (status !== 200 || body.includes('"errors"')) {
          throw new Error(`Answered ${status}: ${body.slice(0, 300)}`);
        }
        count += 1;
      }
    }),
  );
  return count;
}

/** The same with each line going through all of them, beginning one later than the line before. */
export function fire(lines: readonly Line[], shots: readonly Shot[], forMs: number) {
  const walks = lines.map((_, start) => start);
  const next = (line: number): Shot | undefined => {
    const place = walks[line] ?? 0;
    walks[line] = place + 1;
    return shots[place % shots.length];
  };
  return fireNext(lines, next, forMs);
}
