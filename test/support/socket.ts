import { once } from 'node:events';
import type { ClientOptions } from 'ws';
import { WebSocket } from 'ws';

/** A WebSocket that sends any message, also those that the protocol forbids. */
export async function openSocket(
  url: string,
  {
    protocol = 'graphql-transport-ws',
    ...options
  }: Omit<ClientOptions, 'protocol'> & { readonly protocol?: string | string[] } = {},
) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, protocol, options);
  const messages: any[] = [];
  const readers: (() => void)[] = [];
  socket.on('message', (data: Buffer) => {
    messages.push(JSON.parse(data.toString()));
    for (const wake of readers.splice(0)) wake();
  });
  const closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) }));
  // It also rejects if the connection cannot be opened.
  closed.catch(() => undefined);
  await once(socket, 'open');
  const send = (message: unknown) =>
    socket.send(typeof message === 'string' ? message : JSON.stringify(message));

  /** The next message. */
  async function nextMessage(): Promise<any> {
    while (messages.length === 0) await new Promise<void>((resolve) => readers.push(resolve));
    return messages.shift();
  }

  return {
    socket,
    closed,
    send,
    nextMessage,
    /** Says who it is, as far as that must be said. */
    async initialize(payload?: Readonly<Record<string, unknown>>) {
      send({ type: 'connection_init', payload });
      const { type } = await nextMessage();
      if (type !== 'connection_ack') throw new Error('The gateway said something else.');
    },
    async [Symbol.asyncDispose]() {
      socket.terminate();
      await closed;
    },
  };
}
