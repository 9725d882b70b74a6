import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** How a dead connection answers the next byte: by a reset, by an end, or never. */
export type Loss = 'reset' | 'end' | 'silence';

/** A TCP proxy in front of an upstream whose open connections can be lost without the other side noticing, as in a restart of a balancer. */
export async function startConnectionBreaker(upstreamUrl: string) {
  const links = new Map<Socket, Loss | undefined>();
  const lost: string[] = [];
  let opened = 0;
  const proxy = createServer((client) => {
    opened += 1;
    links.set(client, undefined);
    const server = connect(Number(new URL(upstreamUrl).port), '127.0.0.1');
    client.on('data', (chunk) => {
      const loss = links.get(client);
      if (loss === undefined) {
        server.write(chunk);
        return;
      }
      lost.push(chunk.toString('latin1').split(' HTTP/', 1)[0] ?? '');
      if (loss === 'reset') client.resetAndDestroy();
      if (loss === 'end') client.end();
    });
    server.on('data', (chunk) => client.write(chunk));
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        links.delete(client);
        client.destroy();
        server.destroy();
      });
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    url: upstreamUrl.replace(/:\d+/, `:${(proxy.address() as AddressInfo).port}`),
    /** The number of connections so far. */
    opened: () => opened,
    /** The number of open connections. */
    open: () => links.size,
    /** The first lines of the requests that were sent on dead connections. */
    lost: lost as readonly string[],
    /** All open connections are dead from now on. */
    lose(loss: Loss) {
      for (const client of links.keys()) links.set(client, loss);
    },
    /** Resets all open connections at once. */
    resetNow() {
      for (const client of links.keys()) client.resetAndDestroy();
    },
    async [Symbol.asyncDispose]() {
      for (const client of links.keys()) client.destroy();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}
