import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A router that implements the callback protocol. */
export async function startRouter() {
  const messages: any[] = [];
  const waiting: (() => void)[] = [];
  let answer = (_message: any, response: ServerResponse) => void response.writeHead(204).end();
  const server = createServer((request: IncomingMessage, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const message = JSON.parse(Buffer.concat(chunks).toString());
      const protocol = request.headers['subscription-protocol'];
      messages.push({ ...message, path: request.url, protocol });
      for (const wake of waiting.splice(0)) wake();
      answer(message, response);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  async function hear(): Promise<any> {
    while (messages.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    return messages.shift();
  }

  return {
    origin,
    subscription: {
      callbackUrl: `${origin}/callback/7`,
      subscriptionId: '7',
      verifier: 'secret',
    },
    hear,
    /** Resolves with the next message that ends a subscription. */
    async hearComplete() {
      for (;;) {
        const message = await hear();
        if (message.action === 'complete') return message;
      }
    },
    /** Removes and returns the pending messages. */
    heard: () => messages.splice(0),
    answerWith(how: typeof answer) {
      answer = how;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
