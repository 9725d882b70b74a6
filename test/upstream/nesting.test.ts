import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';

const levels = 100_000;

const nestings = {
  objects: '{"a":'.repeat(levels) + '1' + '}'.repeat(levels),
  lists: '['.repeat(levels) + ']'.repeat(levels),
};

let helpCrunch: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  gateway = await startTestGateway({
    upstream: helpCrunch,
    config: { rateLimit: 0, cacheTtlsMs: readConfig({}).cacheTtlsMs },
  });
});

afterAll(async () => {
  await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

beforeEach(() => {
  gateway.logged.length = 0;
});

/** JSON in which `deep` stands for the nested value. */
const withDeep = (body: unknown, nested: string): string =>
  JSON.stringify(body).replaceAll('"deep"', nested);

const places = [
  {
    place: 'the whole response',
    route: 'GET /chats/1',
    body: 'deep',
    query: '{ chat(id: 1) { id } }',
  },
  {
    place: 'a field that the gateway does not read',
    route: 'GET /chats/2',
    body: wireChat({ id: 2, unknown: 'deep' }),
    query: '{ chat(id: 2) { id } }',
  },
  {
    place: 'customData',
    route: 'GET /customers/3',
    body: { id: 3, customData: { level: 'deep' } },
    query: '{ customer(id: 3) { customData } }',
  },
  {
    place: 'customData of a list',
    route: 'GET /customers',
    body: { data: [{ id: 4, customData: { level: 'deep' } }], total: 1 },
    query: '{ customers { nodes { customData } } }',
  },
];

const cases = places.flatMap((place) =>
  Object.entries(nestings).map(([kind, nested]) => ({ ...place, kind, nested })),
);

test.each(cases)(
  `${levels} nested $kind in $place give UPSTREAM_INVALID_RESPONSE`,
  async ({ route, body, query, nested }) => {
    helpCrunch.respond(route, { body: withDeep(body, nested) });

    const { errors } = await gateway.query(query);

    expect(errors.map(({ extensions }) => extensions['code'])).toEqual([
      'UPSTREAM_INVALID_RESPONSE',
    ]);
    expect(gateway.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
  },
);

test.each(Object.entries(nestings))(
  `${levels} nested %s in the response to a write do not hide that it was applied`,
  async (_kind, nested) => {
    const body = wireChat({ id: 5, customer: { id: 7, name: 'deep' } });
    helpCrunch.respond('PUT /chats/readByAgent', { body: withDeep(body, nested) });

    const { data, errors } = await gateway.query(
      'mutation { markChatRead(id: 5, by: AGENT, read: true) { id readByAgent } }',
    );

    expect([data, errors]).toEqual([{ markChatRead: { id: '5', readByAgent: true } }, []]);
    expect(gateway.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
  },
);

describe('an error response that is nested too deeply', () => {
  test.each(Object.entries(nestings))(
    'an error response that is nested too deeply has the error code of its status: %s',
    async (_kind, nested) => {
      const body = { errors: [{ code: 'deep', message: 'deep' }] };
      helpCrunch.respond('GET /chats/6', { status: 404, body: withDeep(body, nested) });

      const { errors } = await gateway.query('{ chat(id: 6) { id } }');

      expect(errors[0]?.extensions).toMatchObject({ code: 'NOT_FOUND', upstream: { errors: [] } });
    },
  );
});

test('customData with 90 levels is returned as HelpCrunch sent it', async () => {
  const nested = JSON.parse('{"a":'.repeat(90) + '1' + '}'.repeat(90));
  helpCrunch.respond('GET /customers/8', { body: { id: 8, customData: nested } });

  const { data, errors } = await gateway.query('{ customer(id: 8) { customData } }');

  expect(errors).toEqual([]);
  expect(data.customer.customData).toEqual(nested);
});
