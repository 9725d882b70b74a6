import { createSchema } from '../../src/graphql/schema/build.ts';
import { token } from '../support/issuer.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import type { TestRedis } from '../support/redis.ts';
import { startCallbackServer } from './callbackServer.ts';
import { startSimulatorProxy } from './simulatorProxy.ts';
import { createSecretCheck } from './oracle.ts';
import type { Credentials, Facts, Session } from './session.ts';
import { closeConnections, send } from './session.ts';
import type { Surroundings, Target, TargetName } from './targets.ts';
import { secrets, startTarget } from './targets.ts';

const graphql = async (
  target: Target,
  query: string,
  headers: Readonly<Record<string, string>>,
) => {
  const response = await send(target.url, {
    method: 'POST',
    path: '/graphql',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  return JSON.parse(response?.body ?? '{}');
};

/** Retries while a busy machine exceeds the time limits of the gateway under test. */
async function complete(...asked: Parameters<typeof graphql>): Promise<any> {
  for (let tries = 1; ; tries += 1) {
    const result = await graphql(...asked);
    if (result.errors === undefined || tries === 10) return result;
  }
}

/** Reads the ids that the fuzzer's operations use, as an agent. */
async function factsOf(target: Target, headers: Readonly<Record<string, string>>): Promise<Facts> {
  const { data } = await complete(
    target,
    '{ chats(first: 12) { nodes { id nodeId } } customers(first: 8) { nodes { id nodeId userId email } } agents { id } departments { id } }',
    headers,
  );
  const ids = (items: readonly any[], key = 'id') =>
    items.map((item) => item[key]).filter((id): id is string => typeof id === 'string');
  const chats = ids(data.chats.nodes);
  const customers = ids(data.customers.nodes);
  const odd = ['0', '-1', 'x', '', '99999999', '9'.repeat(30), '1e3'];
  return {
    schema: createSchema([], { subgraph: { excludedRootFields: [] } }),
    customers: data.customers.nodes,
    ids: {
      chat: [...chats, ...chats, ...odd],
      chatId: chats,
      markChatRead: chats,
      customer: [...customers, ...odd],
      customerUpdated: customers,
      customerByUserId: [...ids(data.customers.nodes, 'userId'), 'nobody'],
      userId: ids(data.customers.nodes, 'userId'),
      agent: [...ids(data.agents).slice(0, 5), ...odd],
      department: [...ids(data.departments), ...odd],
      node: [...ids(data.chats.nodes, 'nodeId'), ...ids(data.customers.nodes, 'nodeId'), 'x'],
      nodeId: ids(data.chats.nodes, 'nodeId'),
      nodeIds: [...ids(data.chats.nodes, 'nodeId'), ...ids(data.customers.nodes, 'nodeId'), 'x'],
      nodes: [...ids(data.chats.nodes, 'nodeId'), ...ids(data.customers.nodes, 'nodeId'), 'x'],
      default: [...chats.slice(0, 3), ...odd],
    },
  };
}

export type Lab = Awaited<ReturnType<typeof startLab>>;

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

/** What surrounds the gateways under test, and the gateways themselves, each started when it is first needed. */
export async function startLab() {
  const helpCrunch = await startSimulatorProxy();
  const callbacks = await startCallbackServer();
  const redis: TestRedis | undefined = hasRedis ? await startRedis() : undefined;
  const secretCheck = createSecretCheck();
  for (const secret of Object.values(secrets)) secretCheck.add(secret);
  const around: Surroundings = {
    upstreamUrl: helpCrunch.url,
    callbackOrigin: callbacks.origin,
    redisUrl: redis?.url,
  };
  const targets = new Map<TargetName, Target>();
  const known = new Map<TargetName, Facts>();
  let keys = 0;

  async function authorizationFor(name: TargetName, who: Credentials = {}) {
    if (name === 'demo') return {};
    if (name === 'forward') {
      keys += 1;
      // Few accounts, so that each is verified and has a circuit breaker of its own.
      const key = `fuzz-forwarded-key-${keys % 50}`;
      secretCheck.add(key);
      return { authorization: `Bearer ${key}` };
    }
    const { role = 'agent', expiresInSeconds = 3_600 } = who;
    const customer = known.get(name)?.customers[0];
    const signed = await token({
      role,
      ...(role === 'agent' ? { agentId: '12' } : { customerId: customer?.id ?? '1' }),
      exp: nowSeconds() + expiresInSeconds,
    });
    secretCheck.addToken(signed);
    return { authorization: `Bearer ${signed}` };
  }

  async function start(name: TargetName): Promise<Target> {
    const target = await startTarget(name, around);
    targets.set(name, target);
    return target;
  }

  /** Alive and warm: what is compiled at the first request is no fault. */
  async function ready(name: TargetName): Promise<Session> {
    const running = targets.get(name);
    const isRunning = running?.isAlive() === true && !running.isDraining();
    if (!isRunning) await running?.stop();
    const target = isRunning ? running : await start(name);
    const facts = known.get(name) ?? (await factsOf(target, await authorizationFor(name)));
    known.set(name, facts);
    const session: Session = {
      target,
      facts,
      helpCrunch,
      callbacks,
      redis: name === 'production' ? redis : undefined,
      secrets: secretCheck,
      authorization: (who) => authorizationFor(name, who),
    };
    if (!isRunning) {
      for (const query of warmUp(facts)) {
        await graphql(target, query, await authorizationFor(name));
      }
      await target.read();
      target.takeLog();
    }
    return session;
  }

  return {
    hasRedis: redis !== undefined,
    ready,
    /** Ends the gateway, so that the next case finds a new one. */
    async discard(name: TargetName) {
      await targets.get(name)?.stop();
      targets.delete(name);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...targets.values()].map((target) => target.stop()));
      closeConnections();
      await helpCrunch[Symbol.asyncDispose]();
      await callbacks[Symbol.asyncDispose]();
      await redis?.[Symbol.asyncDispose]();
    },
  };
}

const warmUp = ({ ids, customers }: Facts): readonly string[] =>
  Array.from({ length: 3 }, (_, index) => [
    `{ chat(id: "${ids['chat']?.[index]}") { id status customer { id name tags { name } chats(first: 2) { nodes { id } } } messages(first: 20) { nodes { id text } } } }`,
    `{ chats(first: ${index + 3}) { totalCount nodes { id customer { name } assignee { name } department { name } } } agents { id name } departments { name agents { name } } }`,
    `{ customers(first: ${index + 3}) { nodes { id name customData device { ip } location { city } } } customer(id: "${customers[0]?.id}") { phone } }`,
    '{ broken',
    '{ unknown { field } }',
  ]).flat();
