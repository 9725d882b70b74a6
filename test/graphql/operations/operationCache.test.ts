import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { GraphQLSchema } from 'graphql';
import { parse, validate } from 'graphql';
import { createSchema } from '../../../src/graphql/schema/build.ts';
import { resourceResolvers } from '../../../src/resources/resolvers.ts';
import { startSimulator } from '../../../src/simulator/simulator.ts';
import type { Simulator } from '../../../src/simulator/simulator.ts';
import { responseTo as ask, responseToGet } from '../../support/client.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { createRandom, createRandomOperation } from '../../support/randomOperations.ts';
import type { RandomOperation } from '../../support/randomOperations.ts';
import { openSocket } from '../../support/socket.ts';
import { propertyRuns } from '../../support/propertyRuns.ts';

const operationCount = propertyRuns(8);

const nodeId = (text: string) => Buffer.from(text).toString('base64url');

/** Some are there, some are not, some are wrong. */
const ids = {
  default: ['5499', '1', '7', 'abc', '99999999'],
  chat: ['5499', '5498', '999999', 'x'],
  id: ['1', '2', '5499', '7001'],
  customer: ['7001', '7002', '1'],
  agent: ['1', '2', '999'],
  department: ['1', '2', '99'],
  nodeId: [nodeId('Chat:5499'), nodeId('Customer:7001'), 'x'],
  nodeIds: [nodeId('Chat:5499'), nodeId('Agent:1'), 'x'],
  markChatRead: ['5499', '9', 'x'],
};

interface Gateway {
  readonly url: string;
  stop(): Promise<void>;
}

let simulator: Simulator;
let viaApollo: Gateway;
let direct: Gateway;
let schema: GraphQLSchema;

beforeAll(async () => {
  const clock = createManualClock();
  simulator = await startSimulator({ rateLimit: 0, clock, customers: 200, chats: 500 });
  const config = { rateLimit: 0 };
  viaApollo = await startTestGateway({
    upstream: simulator,
    clock,
    config: { ...config, operationCache: 'off' },
  });
  direct = await startTestGateway({
    upstream: simulator,
    clock,
    config: { ...config, operationCache: 'on' },
  });
  schema = createSchema(resourceResolvers, { subgraph: { excludedRootFields: [] } });
});

afterAll(async () => {
  await viaApollo.stop();
  await direct.stop();
  await simulator.close();
});

/** What is certain of an answer with errors: siblings fail in any order, and one that fails does not wait for the calls of the others. */
function certain(answer: string): string {
  const start = answer.indexOf('{');
  const { data, errors }: any = JSON.parse(answer.slice(start));
  if (errors === undefined) return answer;
  return JSON.stringify([
    answer.slice(0, start),
    data,
    errors.map((error: unknown) => JSON.stringify(error)).toSorted(),
  ]);
}

type Ask = (gateway: Gateway, operation: RandomOperation) => Promise<string>;

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** Sends the hash of an operation that was registered before. */
const byHash =
  (
    send: (gateway: Gateway, operation: Readonly<Record<string, unknown>>) => Promise<string>,
  ): Ask =>
  async (gateway, { query, variables }) => {
    const extensions = { persistedQuery: { version: 1, sha256Hash: hashOf(query) } };
    await ask(gateway, { query, variables: {}, extensions });
    return send(gateway, { variables, extensions });
  };

const overWebSocket: Ask = async (gateway, { query, variables }) => {
  await using socket = await openSocket(gateway.url);
  await socket.initialize();
  socket.send({ id: 'a', type: 'subscribe', payload: { query, variables } });
  const { type, payload } = await socket.nextMessage();
  const result = type === 'error' ? { errors: payload } : payload;
  // Each operation of a WebSocket has an id of its own.
  return JSON.stringify(result).replaceAll(/"requestId":"[^"]*"/g, '"requestId":""');
};

const overEventStream: Ask = async (gateway, operation) => {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-request-id': 'mine',
      accept: 'text/event-stream',
    },
    body: JSON.stringify(operation),
  });
  const text = await response.text();
  return `${response.status} ${text.replace(/^:\n\nevent: next\ndata: |\n\nevent: complete[^]*$/g, '')}`;
};

const transports: Readonly<Record<string, Ask>> = {
  POST: ask,
  'POST with a registered hash': byHash(ask),
  GET: (gateway, operation) => responseToGet(gateway, { ...operation }),
  'GET with a registered hash': byHash(responseToGet),
  WebSocket: overWebSocket,
  'server-sent events': overEventStream,
};

const documentedOperations = ['examples/operations', 'explorer/operations'].flatMap((folder) =>
  readdirSync(folder)
    .map((name) => readFileSync(`${folder}/${name}`, 'utf8'))
    .filter((text) => /^(query|\{)/m.test(text) && !text.includes('rateLimit')),
);

describe.each(Object.entries(transports))('the operation cache over %s', (_name, send) => {
  test('a cached operation is answered byte for byte as by Apollo Server', async () => {
    const odd: string[] = [];
    let compared = 0;

    for (let seed = 1; compared < operationCount; seed += 1) {
      const operation = createRandomOperation({ schema, random: createRandom(seed * 7919), ids });
      if (validate(schema, parse(operation.query)).length > 0) continue;
      const expected = certain(await send(viaApollo, operation));
      // The first two times it takes the same way.
      await send(direct, operation);
      await send(direct, operation);
      const answer = certain(await send(direct, operation));
      // What of several failures comes first, and takes the others with it, may differ from time to time.
      const isCertain = certain(await send(viaApollo, operation)) === expected;
      if (!isCertain) continue;
      compared += 1;
      if (answer !== expected) odd.push([operation.query, expected, answer].join('\n'));
    }

    expect(odd).toEqual([]);
  });

  test.each(documentedOperations)(
    'it answers a documented operation like Apollo Server: %s',
    async (query) => {
      const operation = { query, variables: {} };
      const expected = certain(await send(viaApollo, operation));

      const answers = [];
      for (let time = 0; time < 3; time += 1) answers.push(certain(await send(direct, operation)));

      expect(answers).toEqual([expected, expected, expected]);
    },
  );
});

describe('the operation cache', () => {
  test('a cached operation uses the variables of each request', async () => {
    const query = 'query One($id: ID!) { chat(id: $id) { id } }';
    for (const id of ['5499', '5498', '5497', '5496']) {
      expect(await ask(direct, { query, variables: { id } })).toContain(`{"id":"${id}"}`);
    }

    const wrong = await ask(direct, { query, variables: {} });

    expect(wrong).toBe(await ask(viaApollo, { query, variables: {} }));
    expect(wrong).toContain('BAD_USER_INPUT');
  });

  test('a cached operation is rejected if its variables make it too expensive', async () => {
    const upstream = simulator;
    const config = { maxUpstreamCalls: 2, rateLimit: 0 };
    const gateway = await startTestGateway({ upstream, config });
    const query = `query Some($ids: [ID!]!) { nodes(nodeIds: $ids) { nodeId ... on Chat { status } } }`;
    const some = [nodeId('Chat:5499'), nodeId('Chat:5498')];

    const answers = [];
    for (const list of [some, some, some, [...some, nodeId('Chat:5497')]]) {
      answers.push(await ask(gateway, { query, variables: { ids: list } }));
    }
    await gateway.stop();

    expect(answers.map((answer) => answer.slice(0, 3))).toEqual(['200', '200', '200', '400']);
    expect(answers[3]).toContain('OPERATION_TOO_EXPENSIVE');
  });

  test('a cached mutation that fails is sent upstream once', async () => {
    const query = 'mutation Mark($id: ID!) { markChatRead(id: $id, by: AGENT, read: true) { id } }';
    const times = () => simulator.calls.filter(({ method }) => method === 'PUT').length;
    for (const id of ['5499', '5498', '5497']) await ask(direct, { query, variables: { id } });
    const before = times();

    const answer = await ask(direct, { query, variables: { id: '8' } });

    expect(answer).toContain('NOT_FOUND');
    expect(times() - before).toBe(1);
  });
});
