import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';

export interface ExportOperation {
  readonly name: string;
  readonly variables: any;
  readonly bypassesCache: boolean;
}

/**
 * A gateway whose results and events a test determines. Its viewer is an agent, and its lists are empty by default. `onMessage` returns
 * whether it has handled a message of the client.
 */
export async function startLiveExportGateway(
  onOperation: (operation: ExportOperation) => unknown,
  onMessage: (message: any, socket: WebSocket) => boolean = () => false,
) {
  const empty = { nodes: [], pageInfo: { hasNextPage: false, endCursor: null }, totalCount: 0 };
  const defaults: Readonly<Record<string, unknown>> = {
    ExportViewer: { viewer: { role: 'AGENT' } },
    ExportOrganization: { organization: { id: '1' } },
    ExportChats: { list: empty },
  };
  const subscriptions: { readonly socket: WebSocket; readonly id: string }[] = [];
  const after: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { query, variables } = JSON.parse(Buffer.concat(chunks).toString());
      const [, name = ''] = /^query (\w+)/.exec(query) ?? [];
      const bypassesCache = request.headers['cache-control'] === 'no-cache';
      void Promise.resolve(onOperation({ name, variables, bypassesCache })).then((result) => {
        const body = result ?? { data: defaults[name] };
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
  });
  const webSockets = new WebSocketServer({ server });
  webSockets.on('connection', (socket) => {
    const send = (message: unknown) => socket.send(JSON.stringify(message));
    socket.on('message', (text: Buffer) => {
      const message = JSON.parse(text.toString());
      if (onMessage(message, socket)) return;
      const { type, id, payload } = message;
      if (type === 'connection_init') send({ type: 'connection_ack' });
      if (type !== 'subscribe') return;
      if (payload.query.startsWith('subscription')) {
        subscriptions.push({ socket, id });
        after.push(payload.variables.after);
        if (!payload.variables.after.startsWith(eventIdPrefix))
          send({ type: 'next', id, payload: missedEvents });
        return;
      }
      send({ type: 'next', id, payload: { data: { __typename: 'Query' } } });
      send({ type: 'complete', id });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    /** The event after which each subscription has continued. */
    after: after as readonly string[],
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Sends results to the latest subscription. Resolves when the client has received them. */
    async send(results: readonly unknown[]) {
      const { socket, id } = subscriptions.at(-1)!;
      for (const payload of results) socket.send(JSON.stringify({ type: 'next', id, payload }));
      const received = once(socket, 'pong');
      socket.ping();
      await received;
    },
    async [Symbol.asyncDispose]() {
      for (const client of webSockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The response to an event that is not in the log. */
const missedEvents = { data: null, errors: [{ message: '', extensions: { missed: true } }] };

const eventIdPrefix = '01900000-0000-7000-8000-';

/** The id of the event of a chat. */
export const eventIdOf = (chatId: string): string => eventIdPrefix + chatId.padStart(12, '0');

/** The result of the subscription to chats for one event. */
export const chatEvent = (id: string, change = 'UPDATED') => ({
  data: { chatUpdated: { change, chat: { id } } },
  extensions: { eventId: eventIdOf(id) },
});

/** The result of the subscription to customers for one event. */
export const customerEvent = (id: string) => ({
  data: { customerChanged: { customerId: id } },
  extensions: { eventId: eventIdOf(id) },
});
