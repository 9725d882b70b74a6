import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The first response in the text and the remainder; undefined while it is incomplete. Bodies need a Content-Length. */
function readResponse(text: string): { response: RawResponse; rest: string } | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const length = Number(headers['content-length'] ?? 0);
  const start = end + 4;
  if (text.length < start + length) return undefined;
  return {
    response: {
      status: Number(statusLine.split(' ')[1]),
      headers,
      body: text.slice(start, start + length),
    },
    rest: text.slice(start + length),
  };
}

/** A connection that sends arbitrary bytes, also invalid HTTP. */
export async function openConnection(url: string) {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect({ host: hostname.replace(/[[\]]/g, ''), port: Number(port) });
  let heard = '';
  let isClosed = false;
  // A reset counts as a close.
  socket.on('error', () => undefined);
  // Latin-1 maps each byte to one character, so that Content-Length counts characters.
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => (heard += chunk));
  const waiting: (() => void)[] = [];
  const wake = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  socket.on('data', wake);
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      isClosed = true;
      wake();
      resolve();
    });
  });
  await once(socket, 'connect');
  return {
    socket,
    closed,
    write: (text: string) => socket.write(text, 'latin1'),
    /** Received text that is not yet part of a response. */
    heard: () => heard,
    /** The next response; undefined if the connection closes before it is complete. */
    async response(): Promise<RawResponse | undefined> {
      for (;;) {
        const found = readResponse(heard);
        if (found !== undefined) {
          heard = found.rest;
          return found.response;
        }
        if (isClosed) return undefined;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    [Symbol.dispose]() {
      socket.destroy();
    },
  };
}

/** The head of a request as lines. */
export const head = (...lines: readonly string[]): string => `${lines.join('\r\n')}\r\n\r\n`;

/** Everything that the server sends in response to these bytes. The last request must have `Connection: close`. */
export async function exchange(url: string, text: string): Promise<RawResponse[]> {
  using connection = await openConnection(url);
  connection.write(text);
  const responses: RawResponse[] = [];
  for (;;) {
    const response = await connection.response();
    if (response === undefined) return responses;
    responses.push(response);
  }
}
