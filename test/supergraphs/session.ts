import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';
import { laterCrmSdl, startForeignSubgraphs } from './foreignSubgraphs.ts';
import { startHelpCrunch } from './helpCrunch.ts';
import type { RouterName } from './routerNames.ts';
import type { Router, Subgraph, SubscriptionTransport } from './routers.ts';
import { freePort, routerKinds } from './routers.ts';

const secret = 'the-secret-of-the-router-and-ours';

export type Role = 'agent' | 'customer' | 'expired' | 'invalid' | 'anonymous';

const credentials: Readonly<Record<Role, () => Promise<Readonly<Record<string, string>>>>> = {
  agent: () => bearer({ role: 'agent', agentId: '11' }),
  customer: () => bearer({ role: 'customer', customerId: '7001' }),
  expired: () => bearer({ role: 'agent', exp: 1 }),
  invalid: () => Promise.resolve({ authorization: 'Bearer invalid' }),
  anonymous: () => Promise.resolve({}),
};

/** Forwards connections to a local port and keeps what clients send. */
async function startRecorder(port: number) {
  const sent: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(port, '127.0.0.1');
    client.on('data', (chunk) => sent.push(chunk.toString('latin1')));
    client.pipe(target).pipe(client);
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        target.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    /** What clients sent since the last call. */
    takeSent: () => sent.splice(0).join(''),
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Beside the codes of a response that contains the address of the gateway. */
export const revealedAddress = 'the address of the gateway';

const requestHeaders = { 'content-type': 'application/json', accept: 'application/json' };

/** One router in front of the gateway and three other subgraphs. */
export async function startSession(name: RouterName, folder: string) {
  const clock = createManualClock();
  const helpCrunch = await startHelpCrunch(clock);
  const callbackPort = await freePort();
  const gateway = await startTestGateway({
    upstream: helpCrunch,
    clock,
    config: {
      auth: jwtAuth(),
      routerSecret: secret,
      isRouterOnly: true,
      maxUpstreamCalls: 30,
      maxReferenceCalls: 60,
      authFailureLimit: 60,
      subscriptions: {
        maxConnections: 10,
        maxConnectionsPerViewer: 10,
        maxConnectionAgeMs: 0,
        maxPerConnection: 100,
        maxSubscriptionsPerViewer: 100,
        maxBuffered: 100,
        callbackHosts: [`http://127.0.0.1:${callbackPort}`],
      },
    },
  });
  const recorder = await startRecorder(Number(new URL(gateway.url).port));
  const foreign = await startForeignSubgraphs();
  const { data } = await gateway.query('{ _service { sdl } }', {}, { 'x-router-secret': secret });
  const helpdesk: Subgraph = {
    name: 'helpdesk',
    url: `http://127.0.0.1:${recorder.port}/graphql`,
    sdl: data._service.sdl,
  };
  const subgraphs = [helpdesk, ...foreign.subgraphs];
  const kind = routerKinds[name];
  const started = new Map<SubscriptionTransport, Router>();

  async function start(transport: SubscriptionTransport): Promise<Router> {
    const port = transport === 'callback' ? callbackPort : await freePort();
    const router = await kind.start({ folder, subgraphs, secret, transport, port });
    started.set(transport, router);
    return router;
  }

  const main = await start('default');

  return {
    url: main.url,
    clock,
    helpCrunch,
    gateway,
    /** The router that subscribes in this way; undefined if it cannot. */
    router: async (transport: SubscriptionTransport): Promise<Router | undefined> =>
      kind.transports.includes(transport)
        ? (started.get(transport) ?? (await start(transport)))
        : undefined,
    credentialsOf: (role: Role) => credentials[role](),
    takeSent: recorder.takeSent,
    /** Sends an operation to the router as a client does. */
    async ask(body: object, role: Role = 'agent', headers: Readonly<Record<string, string>> = {}) {
      helpCrunch.clearCalls();
      const response = await fetch(main.url, {
        method: 'POST',
        headers: { ...requestHeaders, ...(await credentials[role]()), ...headers },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      const { data = null, errors = [] } = JSON.parse(text);
      const codes = new Set<string>(
        errors.map(({ extensions }: any) => extensions?.code ?? 'none'),
      );
      if (text.includes(`:${recorder.port}`)) codes.add(revealedAddress);
      return {
        data,
        errors,
        codes: [...codes].toSorted(),
        calls: helpCrunch.calls.length,
      };
    },
    /** Sends an event to subscribers. */
    markRead: async () =>
      gateway.query(
        'mutation { markChatRead(id: 5208, by: AGENT, read: true) { id } }',
        {},
        { 'x-router-secret': secret, ...(await credentials.agent()) },
      ),
    /** Adds a field to another subgraph. */
    extendCrm: () =>
      main.update(
        subgraphs.map((subgraph) =>
          subgraph.name === 'crm' ? { ...subgraph, sdl: laterCrmSdl } : subgraph,
        ),
      ),
    async stop() {
      await Promise.all([...started.values()].map((running) => running.stop()));
      recorder.stop();
      await Promise.all([gateway.stop(), foreign.stop()]);
      await helpCrunch[Symbol.asyncDispose]();
    },
  };
}

export type Session = Awaited<ReturnType<typeof startSession>>;
