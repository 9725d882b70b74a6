import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildASTSchema, isEnumType, isInputObjectType, isObjectType, parse } from 'graphql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parseUsage } from '../../scripts/schemaUsage.ts';
import { readConfig } from '../../src/config/settings.ts';
import { startDemo } from '../support/gateway.ts';
import { openSocket } from '../support/socket.ts';

let demo: Awaited<ReturnType<typeof startDemo>>;
beforeEach(async () => {
  demo = await startDemo({ config: { rateLimit: 0 } });
});
afterEach(() => demo[Symbol.asyncDispose]());

const client = (name: string, version: string) => ({
  'apollographql-client-name': name,
  'apollographql-client-version': version,
});

const schemaText = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
const schema = buildASTSchema(parse(schemaText), { assumeValidSDL: true });

/** Whether `Type.field`, `Type.field.argument` or `Enum.VALUE` exists. */
function isInSchema(element: string): boolean {
  const [type = '', name = ''] = element.split('.');
  const found = schema.getType(type);
  if (isEnumType(found)) return Boolean(found.getValue(name));
  return (isObjectType(found) || isInputObjectType(found)) && name in found.getFields();
}

async function usage() {
  const metrics = await (await fetch(`${demo.url}/metrics`)).text();
  return parseUsage(metrics)
    .map(({ element, client: name, version, count }) => `${element} ${name} ${version} ${count}`)
    .toSorted();
}

describe('usage of the schema', () => {
  const query = `query ($id: ID!) { node: chat(id: $id) { ...Row __typename } }
    fragment Row on Chat { status customer { name } }`;

  test('operations are counted by field, argument and client application', async () => {
    for (const version of ['1.0', '1.0', '2.0']) {
      await demo.query(query, { id: '5208' }, client('web', version));
    }
    await demo.query('{ chats(first: 1, filter: { status: CLOSED }) { totalCount } }');

    expect(await usage()).toEqual(
      [
        ...['Query.chat', 'Query.chat.id', 'Chat.status', 'Chat.customer', 'Customer.name'].flatMap(
          (element) => [`${element} web 1.0 2`, `${element} web 2.0 1`],
        ),
        ...['Query.chats', 'Query.chats.first', 'Query.chats.filter'].map(
          (element) => `${element} unknown unknown 1`,
        ),
        'ChatFilter.status unknown unknown 1',
        'ChatStatus.CLOSED unknown unknown 1',
        'ChatConnection.totalCount unknown unknown 1',
      ].toSorted(),
    );
  });

  /** The number of executions by element, for one application. */
  async function countsOf(name: string) {
    const own = (await usage()).map((line) => line.split(' ')).filter(([, user]) => user === name);
    return Object.fromEntries(own.map(([element, , , count]) => [element, Number(count)]));
  }

  test('input fields and enum values in variables are counted like those in the document, each once for an operation', async () => {
    const list = `query ($filter: ChatFilter, $status: ChatStatus!, $statuses: [ChatStatus!], $ids: [ID!]!) {
      chats(first: 1, filter: $filter) { totalCount }
      others: chats(first: 1, filter: { anyOf: [{ status: $status }, { statusIn: $statuses }] }) { totalCount }
      nodes(nodeIds: $ids) { __typename }
    }`;
    const filter = {
      anyOf: [
        { statusIn: ['NEW', 'OPENED', 'NEW'] },
        { createdAt: { from: '2026-01-01T00:00:00Z' } },
        { createdAt: { to: null } },
        { rating: null },
        { statusNotIn: 'PENDING' },
      ],
    };
    const variables = { filter, status: 'CLOSED', statuses: ['NEW', 'ON_HOLD'], ids: ['1', '2'] };

    for (let count = 0; count < 3; count += 1) {
      await demo.query(list, variables, client('variables', '1'));
    }

    const elements = [
      ...['Query.chats', 'Query.chats.first', 'Query.chats.filter', 'ChatConnection.totalCount'],
      ...['Query.nodes', 'Query.nodes.nodeIds'],
      ...['anyOf', 'status', 'statusIn', 'statusNotIn', 'createdAt', 'rating'].map(
        (field) => `ChatFilter.${field}`,
      ),
      ...['from', 'to'].map((field) => `HelpdeskDateTimeRange.${field}`),
      ...['NEW', 'OPENED', 'PENDING', 'CLOSED', 'ON_HOLD'].map((value) => `ChatStatus.${value}`),
    ];
    expect(await countsOf('variables')).toEqual(
      Object.fromEntries(elements.map((element) => [element, 3])),
    );
  });

  test('responses from the cache are counted with the variables of their request', async () => {
    await demo[Symbol.asyncDispose]();
    demo = await startDemo({ config: { rateLimit: 0, cacheTtlsMs: readConfig({}).cacheTtlsMs } });
    const list = 'query ($filter: ChatFilter) { chats(first: 1, filter: $filter) { totalCount } }';
    const request = () =>
      demo.query(list, { filter: { status: 'CLOSED' } }, client('variables', '1'));
    for (let count = 0; count < 4; count += 1) await request();
    const metrics = await (await fetch(`${demo.url}/metrics`)).text();

    expect(metrics).toMatch(/^helpcrunch_response_cache_hits_total [1-9]/m);
    expect(await countsOf('variables')).toMatchObject({
      'ChatFilter.status': 4,
      'ChatStatus.CLOSED': 4,
    });
  });

  test('each event of a subscription is counted with the variables of the subscriber', async () => {
    await using socket = await openSocket(demo.url);
    await socket.initialize(client('ios', '3'));
    const subscription = `subscription ($order: ChatOrder) {
      chatUpdated(id: 5208) { chat { customer { chats(orderBy: $order) { totalCount } } } }
    }`;
    const variables = { order: { field: 'CLOSED_AT', direction: 'ASC' } };
    socket.send({ id: 'a', type: 'subscribe', payload: { query: subscription, variables } });
    socket.send({ id: 'b', type: 'subscribe', payload: { query: '{ __typename }' } });
    expect(await socket.nextMessage()).toMatchObject({ id: 'b', type: 'next' });
    expect(await socket.nextMessage()).toMatchObject({ id: 'b', type: 'complete' });
    await demo.query('mutation { setChatStatus(id: 5208, status: PENDING) { id } }');
    expect(await socket.nextMessage()).toMatchObject({ id: 'a', type: 'next' });

    // The subscription, and its event.
    expect(await countsOf('ios')).toMatchObject({
      'Subscription.chatUpdated': 2,
      'ChatOrder.field': 2,
      'ChatOrderField.CLOSED_AT': 2,
      'HelpdeskOrderDirection.ASC': 2,
    });
  });

  test.each([
    ['null', null],
    ['a text', 'status'],
    ['names that the schema does not have', { filter: { nothing: 1, constructor: 1 } }],
    ['names of other types', { filter: { status: 'PERFECT', createdAt: { status: 'NEW' } } }],
    ['values of other kinds', { filter: [{ statusNot: {} }, 'NEW'], other: 'NEW' }],
    ['more values than the limits allow', { filter: { statusIn: Array(10_001).fill('NEW') } }],
  ])('variables that are %s add nothing but elements of the schema', async (_what, variables) => {
    const list = 'query ($filter: ChatFilter) { chats(first: 1, filter: $filter) { totalCount } }';
    const response = await fetch(`${demo.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...client('variables', '1') },
      body: JSON.stringify({ query: list, variables }),
    });

    expect(response.status).toBeLessThan(500);
    const elements = Object.keys(await countsOf('variables'));
    const unknown = elements.filter((element) => !isInSchema(element));
    expect(unknown).toEqual([]);
  });

  test('operations over WebSocket are counted for the application in connection_init', async () => {
    await using socket = await openSocket(demo.url);
    await socket.initialize(client('ios', '3'));
    socket.send({ id: 'a', type: 'subscribe', payload: { query: '{ viewer { role } }' } });
    await socket.nextMessage();

    expect(await usage()).toEqual(['HelpdeskViewer.role ios 3 1', 'Query.viewer ios 3 1']);
  });

  test('rejected documents are not counted, and unusable names are unknown', async () => {
    await demo.query('{ chat(id: 1) { nothing } }', {}, client('web', '1'));
    await demo.query('{ viewer { role } }', {}, client('<script>', '1'));

    expect(await usage()).toEqual([
      'HelpdeskViewer.role unknown unknown 1',
      'Query.viewer unknown unknown 1',
    ]);
  });

  test('more than 50 applications share one label', async () => {
    for (let version = 0; version < 60; version += 1) {
      await demo.query('{ viewer { role } }', {}, client('web', String(version)));
    }

    const series = (await usage()).filter((line) => line.startsWith('Query.viewer '));
    expect(series).toHaveLength(51);
    expect(series).toContain('Query.viewer other other 10');
  });
});

describe('npm run schema:check -- --usage', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'usage-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const link =
    'extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@key"])';
  const released = `${link} type Query { thing(id: ID, old: Int): Thing }
    type Thing { name: String gone: String unused: String soon: String @deprecated(reason: "Use name.") }`;
  const next = `${link} type Query { thing(id: ID): Thing } type Thing { name: String }`;
  const metrics = `
helpcrunch_field_usage_total{field="Thing.gone",client="web",version="1.2"} 34
helpcrunch_field_usage_total{field="Thing.gone",client="web",version="1.2"} 6
helpcrunch_field_usage_total{field="Thing.soon",client="ios",version="3"} 2
helpcrunch_field_usage_total{field="Thing.name",client="ios",version="3"} 9
helpcrunch_field_usage_total{field="Query.thing.old",client="ios",version="3"} 1
`;

  async function check(source: string, schemas = { released, next }) {
    const [releasedFile, nextFile] = [
      join(folder, 'released.graphql'),
      join(folder, 'next.graphql'),
    ];
    await Promise.all([
      writeFile(releasedFile, schemas.released),
      writeFile(nextFile, schemas.next),
    ]);
    const script = new URL('../../scripts/schemaCheck.ts', import.meta.url).pathname;
    const files = ['--released', releasedFile, '--next', nextFile];
    return new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
      execFile(
        process.execPath,
        ['--import', 'tsx', script, '--usage', source, ...files],
        (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }),
      );
    });
  }

  test('reports who still uses what is removed, deprecated elements included', async () => {
    const file = join(folder, 'metrics.txt');
    await writeFile(file, metrics);

    const { code, stdout } = await check(file);

    expect(code).toBe(1);
    expect(stdout.split('\n  ').map((line) => line.trim())).toEqual(
      [
        '4 elements removed or changed since the last release, 3 of them in use',
        expect.stringMatching(/'old: Int'.*Used by: ios 3 \(1 operations\)$/),
        expect.stringMatching(/'gone'.*Used by: web 1\.2 \(40 operations\)$/),
        expect.stringMatching(/'soon'.*Used by: ios 3 \(2 operations\)$/),
        '',
      ].map((line) => line),
    );
  });

  test('reports who uses a removed input field or enum value in variables', async () => {
    const without = ['statusNot: ChatStatus', 'LAST_CUSTOMER_MESSAGE_AT'].reduce(
      (text, element) => text.replace(new RegExp(`^ *"[^"\\n]*"\\n *${element}\\n`, 'm'), ''),
      schemaText,
    );
    await demo.query(
      `query ($filter: ChatFilter, $orderBy: ChatOrder) {
        chats(first: 1, filter: $filter, orderBy: $orderBy) { totalCount }
      }`,
      {
        filter: { statusNot: 'CLOSED' },
        orderBy: { field: 'LAST_CUSTOMER_MESSAGE_AT', direction: 'ASC' },
      },
      client('web', '1.2'),
    );

    const { stdout } = await check(`${demo.url}/metrics`, { released: schemaText, next: without });

    expect(stdout).toContain('2 elements removed or changed since the last release, 2 of them in');
    expect(stdout.match(/Used by: web 1\.2 \(1 operations\)/g)).toHaveLength(2);
  });

  test('reads the metrics of a running gateway, and fails if they have no usage', async () => {
    const empty = await check(`${demo.url}/metrics`);
    await demo.query('{ viewer { role } }');
    const filled = await check(`${demo.url}/metrics`);

    expect(empty.stderr).toContain('has no series of helpcrunch_field_usage_total');
    expect(filled.stdout).toContain(
      '4 elements removed or changed since the last release, 0 of them in use',
    );
  });
});
