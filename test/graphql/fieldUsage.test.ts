import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parseUsage } from '../../scripts/schemaUsage.ts';
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

  async function check(source: string) {
    const [releasedFile, nextFile] = [
      join(folder, 'released.graphql'),
      join(folder, 'next.graphql'),
    ];
    await Promise.all([writeFile(releasedFile, released), writeFile(nextFile, next)]);
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
