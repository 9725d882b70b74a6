import { connect } from 'node:net';

/** A TCP connection that was upgraded to a WebSocket and sends no frames by itself, not even a close frame. */
export async function openRawSocket(url: string, headers: Readonly<Record<string, string>> = {}) {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port) });
  socket.on('error', () => undefined);
  let received = Buffer.alloc(0);
  const waiting: (() => void)[] = [];
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (const wake of waiting.splice(0)) wake();
  });
  // Both a close and a reset: a peer that is disconnected while it sends receives a reset.
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const head = {
    host: new URL(url).host,
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    'sec-websocket-protocol': 'graphql-transport-ws',
    ...headers,
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET /graphql HTTP/1.1\r\n${lines.join('')}\r\n`);

  async function receive(until: (received: Buffer) => boolean) {
    while (!until(received)) await new Promise<void>((resolve) => waiting.push(resolve));
  }

  await receive((bytes) => bytes.includes('\r\n\r\n'));
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(received.toString('latin1'))?.[1]);
  received = received.subarray(received.indexOf('\r\n\r\n') + 4);

  return {
    status,
    socket,
    closed,
    isOpen: () => !socket.closed,
    /** Sends a text frame of any length without waiting. */
    say(message: unknown) {
      const text = Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));
      const length = Buffer.from(
        text.length < 126
          ? [0x80 | text.length]
          : [0x80 | 126, text.length >> 8, text.length & 0xff],
      );
      // A zero mask leaves the text unchanged.
      socket.write(Buffer.concat([Buffer.from([0x81]), length, Buffer.alloc(4), text]));
    },
    /** Resolves with the code of the close frame. Frames before it must be short. */
    async closeCode(): Promise<number> {
      let code: number | undefined;
      await receive((bytes) => {
        for (let start = 0; start + 2 <= bytes.length;) {
          const [first = 0, length = 0] = bytes.subarray(start, start + 2);
          if (first === 0x88 && bytes.length >= start + 4) code = bytes.readUInt16BE(start + 2);
          start += 2 + length;
        }
        return code !== undefined;
      });
      return code ?? 0;
    },
    [Symbol.dispose]() {
      socket.destroy();
    },
  };
}
