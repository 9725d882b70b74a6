import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createDeferred } from './deferred.ts';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  isSubscribed: boolean;
  /** What is kept back, in order; undefined while all goes through. */
  kept: (() => void)[] | undefined;
}

/** A TCP proxy to a local port, whose connections can be cut, restored and delayed. */
export async function startTcpProxy(initialPort: number) {
  let port = initialPort;
  const links = new Set<Link>();
  let isCut = false;
  let requests = 0;
  let holds: { readonly matches: (sent: string) => boolean; readonly hit: () => void }[] = [];

  function carry(link: Link, to: Socket, chunk: Buffer) {
    const pass = () => to.write(chunk);
    if (link.kept === undefined) pass();
    else link.kept.push(pass);
  }

  const proxy = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const server = connect(port, '127.0.0.1');
    const link: Link = { client, server, isSubscribed: false, kept: undefined };
    links.add(link);
    client.on('data', (chunk) => {
      const sent = chunk.toString('latin1').toLowerCase();
      requests += 1;
      link.isSubscribed ||= sent.includes('subscribe');
      for (const { matches, hit } of holds) {
        if (!matches(sent)) continue;
        link.kept ??= [];
        hit();
      }
      carry(link, server, chunk);
    });
    server.on('data', (chunk) => carry(link, client, chunk));
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        links.delete(link);
        client.destroy();
        server.destroy();
      });
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');

  function cut() {
    isCut = true;
    for (const { client } of links) client.destroy();
  }

  return {
    port: (proxy.address() as AddressInfo).port,
    url: `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    /** Breaks all connections and takes no more. */
    cut,
    mend() {
      isCut = false;
    },
    /** New connections go to another server. Open ones stay where they are. */
    moveTo(newPort: number) {
      port = newPort;
    },
    /** From a command on that matches, its connection is held up in both directions, until `release`. */
    hold(matches: (sent: string) => boolean): Promise<void> {
      const held = createDeferred();
      holds.push({ matches, hit: held.resolve });
      return held.promise;
    },
    /** Holds up what is published, until `release`; all else goes through. */
    holdPublished() {
      for (const link of links) if (link.isSubscribed) link.kept ??= [];
    },
    /** Number of requests through the proxy. */
    requests: () => requests,
    release() {
      holds = [];
      for (const link of links) {
        const { kept = [] } = link;
        link.kept = undefined;
        for (const pass of kept) pass();
      }
    },
    async [Symbol.asyncDispose]() {
      cut();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}

export type TcpProxy = Awaited<ReturnType<typeof startTcpProxy>>;
