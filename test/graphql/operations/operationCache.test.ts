import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { GraphQLSchema } from 'graphql';
import { parse, validate } from 'graphql';
import { createSchema } from '../../../src/graphql/schema/build.ts';
import { resourceResolvers } from '../../../src/resources/resolvers.ts';
import { startSimulator } from '../../../src/simulator/simulator.ts';
import type { Simulator } from '../../../src/simulator/simulator.ts';
import { responseTo as ask } from '../../support/client.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { createRandom, createRandomOperation } from '../../support/randomOperations.ts';
import { propertyRuns } from '../../support/propertyRuns.ts';

const operationCount = propertyRuns(15);

const nodeId = (text: string) => Buffer.from(text).toString('base64url');

/** Some are there, some are not, some are wrong. */
const ids = {
  default: ['9999', '1', '7', 'abc', '99999999'],
  chat: ['9999', '9998', '999999', 'x'],
  id: ['1', '2', '9999', '7001'],
  customer: ['7001', '7002', '1'],
  agent: ['1', '2', '999'],
  department: ['1', '2', '99'],
  nodeId: [nodeId('Chat:9999'), nodeId('Customer:7001'), 'x'],
  nodeIds: [nodeId('Chat:9999'), nodeId('Agent:1'), 'x'],
  markChatRead: ['9999', '9', 'x'],
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
  simulator = await startSimulator({ rateLimit: 0, clock });
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

describe('the operation cache', () => {
  test('a cached operation is answered byte for byte as by Apollo Server', async () => {
    const odd: string[] = [];
    let compared = 0;

    for (let seed = 1; compared < operationCount; seed += 1) {
      const operation = createRandomOperation({ schema, random: createRandom(seed * 7919), ids });
      if (validate(schema, parse(operation.query)).length > 0) continue;
      const expected = certain(await ask(viaApollo, operation));
      // The first two times it takes the same way.
      await ask(direct, operation);
      await ask(direct, operation);
      const answer = certain(await ask(direct, operation));
      // What of several failures comes first, and takes the others with it, may differ from time to time.
      const isCertain = certain(await ask(viaApollo, operation)) === expected;
      if (!isCertain) continue;
      compared += 1;
      if (answer !== expected) odd.push([operation.query, expected, answer].join('\n'));
    }

    expect(odd).toEqual([]);
  }, 120_000);

  test('a cached operation uses the variables of each request', async () => {
    const query = 'query One($id: ID!) { chat(id: $id) { id } }';
    for (const id of ['9999', '9998', '9997', '9996']) {
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
    const some = [nodeId('Chat:9999'), nodeId('Chat:9998')];

    const answers = [];
    for (const list of [some, some, some, [...some, nodeId('Chat:9997')]]) {
      answers.push(await ask(gateway, { query, variables: { ids: list } }));
    }
    await gateway.stop();

    expect(answers.map((answer) => answer.slice(0, 3))).toEqual(['200', '200', '200', '400']);
    expect(answers[3]).toContain('OPERATION_TOO_EXPENSIVE');
  });

  test('a cached mutation that fails is sent upstream once', async () => {
    const query = 'mutation Mark($id: ID!) { markChatRead(id: $id, by: AGENT, read: true) { id } }';
    const times = () => simulator.calls.filter(({ method }) => method === 'PUT').length;
    for (const id of ['9999', '9998', '9997']) await ask(direct, { query, variables: { id } });
    const before = times();

    const answer = await ask(direct, { query, variables: { id: '8' } });

    expect(answer).toContain('NOT_FOUND');
    expect(times() - before).toBe(1);
  });
});
