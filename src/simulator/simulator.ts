import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { systemClock, type Clock } from '../lib/clock.ts';
import { createAccount } from './account.ts';
import { AccountActivity } from './activity.ts';
import { BehaviourState, type BehaviourChange } from './behaviour.ts';
import { createCallJournal, type SimulatorCall } from './callJournal.ts';
import { controlAnswer } from './control.ts';
import { deliver } from './delivery.ts';
import { createSimulatedApi, type Reply } from './simulatedApi.ts';
import { WebhookSender, type WebhookTarget } from './webhooks.ts';

export type { Behaviour, BehaviourChange } from './behaviour.ts';
export type { SimulatorCall } from './callJournal.ts';
export type { Fault, FaultRule } from './faults.ts';
export type { WebhookTarget } from './webhooks.ts';

export interface SimulatorOptions {
  readonly host?: string;
  /** 0, the default, selects a free port. */
  readonly port?: number;
  readonly key?: string;
  readonly seed?: number;
  /** Calls a minute; 0 is no limit. */
  readonly rateLimit?: number;
  readonly clock?: Clock;
  readonly behaviour?: BehaviourChange;
  readonly customers?: number;
  readonly chats?: number;
  readonly onCall?: (call: SimulatorCall) => void;
}

export interface Simulator {
  /** The base URL, with `/v1`. */
  readonly url: string;
  readonly key: string;
  /** The number of rows at the start. */
  readonly holds: Readonly<
    Record<'agents' | 'departments' | 'applications' | 'customers' | 'chats', number>
  >;
  /** The latest 10,000 calls at most, oldest first. */
  readonly calls: readonly SimulatorCall[];
  /** Changes the behaviour from the next call on. */
  behave(change: BehaviourChange): void;
  /** Delivers webhooks of all further changes to the target. */
  sendWebhooks(target: WebhookTarget): void;
  /** Starts simulated activity of customers and agents. */
  live(): void;
  /** Also closes open connections. */
  close(): Promise<void>;
}

const keepAliveMs = 65_000;

/** Starts a simulated HelpCrunch account behind its REST API v1, over real HTTP. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', port = 0, key = 'demo', seed = 1, clock = systemClock } = options;
  const { customers = 2000, chats = 5000, rateLimit = 120 } = options;
  const state = new BehaviourState(options.behaviour);
  const behaviour = () => state.current;
  const account = createAccount({ seed, clock, customers, chats, behaviour });
  const { staff } = account.store;
  const api = createSimulatedApi({ account, key, rateLimit, clock, behaviour: state });
  const journal = createCallJournal();
  const webhooks = new WebhookSender(account, { clock, behaviour });
  const activity = new AccountActivity(account, { seed, clock });

  const server = createServer((request, response) => {
    readBody(request, (bodyText) => {
      const { method = '', url = '', headers } = request;
      const { authorization } = headers;
      const incoming = { method, url, authorization, bodyText };
      const answer = controlAnswer(incoming, { key, state });
      if (answer !== undefined) {
        deliver(response, { answer, delivery: 'whole' }, clock);
        return;
      }
      const reply = api.respond(incoming);
      journal.add(reply.call, bodyText.length);
      options.onCall?.(reply.call);
      respond(response, reply, clock);
    });
  });
  // Node's default of five seconds resets a reused connection of a client on a busy machine.
  server.keepAliveTimeout = keepAliveMs;
  await listen(server, host, port);

  return {
    url: urlOf(server.address(), host),
    key,
    holds: {
      agents: staff.agents.length,
      departments: staff.departments.length,
      applications: staff.applications.length,
      customers: account.store.customers.size,
      chats: account.store.chats.size,
    },
    get calls() {
      return journal.calls;
    },
    behave: (change) => {
      state.change(change);
    },
    sendWebhooks: (target) => {
      webhooks.sendTo(target);
    },
    live: () => {
      activity.start();
    },
    close: () =>
      new Promise((resolve) => {
        activity.close();
        webhooks.close();
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function readBody(request: IncomingMessage, done: (text: string) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
  });
  request.on('end', () => {
    done(Buffer.concat(chunks).toString());
  });
}

function respond(response: ServerResponse, reply: Reply, clock: Clock): void {
  if (reply.delayMs === 0) {
    deliver(response, reply, clock);
    return;
  }
  const cancel = clock.after(reply.delayMs, () => {
    deliver(response, reply, clock);
  });
  response.on('close', cancel);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function urlOf(address: AddressInfo | string | null, host: string): string {
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const name = host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}/v1`;
}
