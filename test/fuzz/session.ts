import { Agent, request as httpRequest } from 'node:http';
import { createConnection } from 'node:net';
import type { GraphQLSchema } from 'graphql';
import type { Random } from '../../src/simulator/random.ts';
import type { TestRedis } from '../support/redis.ts';
import type { CallbackServer } from './callbackServer.ts';
import type { SimulatorProxy } from './simulatorProxy.ts';
import type { Fault, HttpResponse, SecretCheck } from './oracle.ts';
import { slowestMs } from './oracle.ts';
import type { Target, TargetName } from './targets.ts';

/** What is known of the account, for operations that find something. */
export interface Facts {
  readonly schema: GraphQLSchema;
  /** Ids by the field or argument that takes them, and `default`. */
  readonly ids: Readonly<Record<string, readonly string[]>>;
  readonly customers: readonly { readonly id: string; readonly userId: string | null }[];
}

/** What an entry point needs to run its cases. */
export interface Session {
  readonly target: Target;
  readonly facts: Facts;
  readonly helpCrunch: SimulatorProxy;
  readonly callbacks: CallbackServer;
  readonly redis: TestRedis | undefined;
  readonly secrets: SecretCheck;
  /** Credentials for the target: a token, a key of its own, or none. */
  authorization(who?: Credentials): Promise<Readonly<Record<string, string>>>;
}

export interface Credentials {
  readonly role?: 'agent' | 'customer' | undefined;
  /** Seconds from now at which the token expires. */
  readonly expiresInSeconds?: number | undefined;
}

/** One kind of input of the gateway: how inputs are generated, and what is done with them. */
export interface EntryPoint<Case> {
  readonly name: string;
  /** The configurations that have this entry point. */
  readonly targets: readonly TargetName[];
  readonly needsRedis?: boolean;
  /** Its part of the time beside the others; 1 unless given. */
  readonly share?: number;
  /** How many cases run at once. */
  readonly batchSize: number;
  generate(random: Random, facts: Facts): Case;
  /** The case as a person would repeat it. */
  describe(input: Case): string;
  /** Runs all cases of a batch at once, and gives the faults that can be seen from outside. */
  run(cases: readonly Case[], session: Session): Promise<readonly Fault[]>;
}

/** Runs the cases independently of each other. */
export const eachCase =
  <Case>(run: (input: Case, session: Session) => Promise<readonly Fault[]>) =>
  async (cases: readonly Case[], session: Session): Promise<readonly Fault[]> =>
    (await Promise.all(cases.map((input) => run(input, session)))).flat();

/** Linux has a whole network of loopback addresses, so that limits by address do not silence the fuzzer. */
const localAddress =
  process.platform === 'linux' ? { localAddress: '127.19.5.1' } : { localAddress: '127.0.0.1' };

const agent = new Agent({ keepAlive: true, maxSockets: 32, ...localAddress });

export const closeConnections = (): void => agent.destroy();

export interface HttpCase {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
}

/** Sends a well-formed request. Undefined when the connection closes before a response. */
export function send(url: string, asked: HttpCase): Promise<HttpResponse | undefined> {
  return new Promise((resolve) => {
    const startMs = performance.now();
    const { method, path, headers, body } = asked;
    const call = httpRequest(url + path, {
      method,
      agent,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    });
    const timer = setTimeout(() => call.destroy(), slowestMs + 2_000);
    call.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => undefined);
      response.on('close', () => {
        clearTimeout(timer);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
          elapsedMs: performance.now() - startMs,
        });
      });
    });
    call.on('error', () => {
      clearTimeout(timer);
      // A connection may be closed after a response, at the moment when it is used again: the request was not received then.
      if (call.reusedSocket && performance.now() - startMs < 1_000) resolve(send(url, asked));
      else {
        const elapsedMs = performance.now() - startMs;
        resolve(
          elapsedMs > slowestMs ? { status: 0, headers: {}, body: '', elapsedMs } : undefined,
        );
      }
    });
    call.end(body);
  });
}

/** Bytes of one connection, written in pieces, and how long to wait for a response that may not come. */
export interface RawCase {
  readonly pieces: readonly Buffer[];
  /** Whether the client closes its side, or everything, right after the last piece. */
  readonly ending: 'wait' | 'half' | 'reset';
}

/** How long an incomplete request may remain without a response. */
const quietMs = 150;

/** Sends bytes as they are; gives what came back. */
export function exchange(port: number, { pieces, ending }: RawCase): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1', ...localAddress });
    const chunks: Buffer[] = [];
    let timer: NodeJS.Timeout | undefined;
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(chunks));
    };
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(done, quietMs);
    };
    socket.on('error', done);
    socket.on('close', done);
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      wait();
    });
    socket.on('connect', () => {
      void (async () => {
        for (const piece of pieces) {
          if (socket.destroyed) return;
          socket.write(piece);
          if (pieces.length > 1) await new Promise((next) => setImmediate(next));
        }
        if (ending === 'half') socket.end();
        else if (ending === 'reset') socket.resetAndDestroy();
        wait();
      })();
    });
  });
}

/** The responses in what came back. Undefined where it is not HTTP. */
export function parseResponses(received: Buffer): readonly HttpResponse[] | undefined {
  const responses: HttpResponse[] = [];
  let rest = received.toString('latin1');
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n');
    const [statusLine = '', ...lines] = rest.slice(0, end).split('\r\n');
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1] ?? NaN);
    if (Number.isNaN(status)) return undefined;
    // It is not complete yet.
    if (end === -1) return responses;
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    rest = rest.slice(end + 4);
    let body = '';
    if (status === 101) rest = '';
    else if (/chunked/i.test(headers['transfer-encoding'] ?? '')) {
      for (;;) {
        const [line = ''] = /^[0-9a-f]+[^\r\n]*\r\n/i.exec(rest) ?? [];
        const length = parseInt(line, 16);
        if (line === '') return responses;
        body += rest.slice(line.length, line.length + length);
        rest = rest.slice(line.length + length + 2);
        if (length === 0) break;
      }
    } else {
      const length = Number(headers['content-length'] ?? 0);
      // The response to a HEAD has the length of a body that does not follow.
      if (!rest.startsWith('HTTP/1.')) {
        body = rest.slice(0, length);
        rest = rest.slice(length);
        if (body.length < length) return responses;
      }
    }
    responses.push({
      status,
      headers,
      body: Buffer.from(body, 'latin1').toString(),
      elapsedMs: 0,
    });
  }
  return responses;
}
