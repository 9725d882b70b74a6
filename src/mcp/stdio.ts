import { PassThrough } from 'node:stream';
import type { Readable, Writable } from 'node:stream';
import {
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResponse,
} from '@modelcontextprotocol/server';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { onNextTurn } from '../lib/clock.ts';
import type { McpServers } from './server.ts';
import type { McpClient } from './toolRunner.ts';

/** Ends when the input has ended and every request is answered; the transport of the SDK drops pending requests. */
class DrainingTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: Transport['onmessage'];
  readonly #input = new PassThrough();
  readonly #transport: StdioServerTransport;
  readonly #pending = new Set<string | number>();
  #hasEnded = false;

  constructor(input: Readable, output: Writable) {
    this.#transport = new StdioServerTransport(this.#input, output);
    this.#transport.onclose = () => this.onclose?.();
    this.#transport.onerror = (error) => this.onerror?.(error);
    this.#transport.onmessage = (message) => {
      this.#follow(message);
      this.onmessage?.(message);
    };
    input.on('data', (chunk) => this.#input.write(chunk));
    input.on('error', (error) => this.onerror?.(error));
    for (const event of ['end', 'close', 'error']) input.on(event, () => this.#end());
  }

  start(): Promise<void> {
    return this.#transport.start();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    try {
      await this.#transport.send(message);
    } finally {
      if (isJSONRPCResponse(message) && message.id !== undefined) this.#pending.delete(message.id);
      this.#endIfIdle();
    }
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  #follow(message: JSONRPCMessage): void {
    if (isJSONRPCRequest(message)) this.#pending.add(message.id);
    if (!isJSONRPCNotification(message) || message.method !== 'notifications/cancelled') return;
    // A cancelled request gets no response.
    const id = message.params?.['requestId'];
    if (typeof id === 'string' || typeof id === 'number') this.#pending.delete(id);
  }

  #end(): void {
    // The last chunk may still be in the stream.
    onNextTurn(() => {
      this.#hasEnded = true;
      this.#endIfIdle();
    });
  }

  #endIfIdle(): void {
    if (this.#hasEnded && this.#pending.size === 0) this.#input.end();
  }
}

interface StdioOptions {
  readonly servers: McpServers;
  /** Creates the client of each request, with an id of its own. */
  readonly createClient: () => McpClient;
  readonly input: Readable;
  readonly output: Writable;
  readonly onError: (error: Error) => void;
}

interface StdioServer {
  /** Resolves when the input has ended and every request is answered, or after `close`. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** Serves one client over standard input and output. */
export function serveMcpStdio(options: StdioOptions): StdioServer {
  const { servers, createClient, input, output, onError } = options;
  const transport = new DrainingTransport(input, output);
  const controller = new AbortController();
  const handle = serveStdio(() => servers.create(createClient, controller.signal), {
    transport,
    maxSubscriptions: 0,
    onerror: onError,
  });
  const ended = new Promise<void>((resolve) => {
    const { onclose } = transport;
    transport.onclose = () => {
      onclose?.();
      resolve();
    };
  });
  return {
    ended,
    async close() {
      controller.abort();
      await handle.close();
    },
  };
}
