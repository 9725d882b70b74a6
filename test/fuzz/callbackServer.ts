import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDeferred } from '../support/deferred.ts';

/** How the router answers a callback: with a status, or not at all. */
export type RouterReply = number | 'reset' | 'silence';

interface Subscription {
  /** The replies in order; the last one is repeated. */
  readonly replies: readonly RouterReply[];
  received: number;
  readonly isOver: ReturnType<typeof createDeferred<void>>;
}

/** The router that gateways call back: each subscription has its own path and its own replies. */
export async function startCallbackServer() {
  const subscriptions = new Map<string, Subscription>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const subscription = subscriptions.get(request.url ?? '');
      const reply =
        subscription?.replies[Math.min(subscription.received, subscription.replies.length - 1)] ??
        404;
      if (subscription !== undefined) subscription.received += 1;
      const isComplete = Buffer.concat(chunks).includes('"action":"complete"');
      if (isComplete || (typeof reply === 'number' && reply >= 400)) {
        subscription?.isOver.resolve();
      }
      if (reply === 'reset') response.destroy();
      else if (reply !== 'silence') response.writeHead(reply).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  let count = 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    /** A path of its own, and the time when the gateway has completed the subscription or has been refused. */
    expect(replies: readonly RouterReply[]) {
      count += 1;
      const path = `/callback/${count}`;
      const subscription = { replies, received: 0, isOver: createDeferred() };
      subscriptions.set(path, subscription);
      return {
        path,
        isOver: subscription.isOver.promise,
        forget: () => void subscriptions.delete(path),
      };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type CallbackServer = Awaited<ReturnType<typeof startCallbackServer>>;
