import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { errorCodes } from '../../src/graphql/errorCodes.ts';
import type { ErrorCode } from '../../src/graphql/errorCodes.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { exchange, head } from '../support/rawHttp.ts';
import { webhookSecret } from '../support/webhooks.ts';

let helpCrunch: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  gateway = await startTestGateway({ upstream: helpCrunch, config: { webhookSecret } });
});

afterAll(async () => {
  await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

const host = 'Host: localhost';
const close = 'Connection: close';
const foreign = 'Origin: https://evil.example';

const send = (line: string, ...lines: readonly string[]) =>
  head(`${line} HTTP/1.1`, host, close, ...lines);

const post = (path: string, body: string, type = 'application/json') =>
  send(`POST ${path}`, `Content-Type: ${type}`, `Content-Length: ${body.length}`) + body;

const webSocket = (...lines: readonly string[]) =>
  head(
    'GET /graphql HTTP/1.1',
    ...[host, 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', ...lines],
  );

const cases: readonly (readonly [string, string, number, ErrorCode])[] = [
  ['an unknown path', send('GET /nowhere'), 404, 'BAD_REQUEST'],
  ['a path that cannot be decoded', send('GET /%zz'), 400, 'BAD_REQUEST'],
  ['a method that GraphQL does not use', send('PUT /graphql'), 405, 'BAD_REQUEST'],
  ['an event stream with another Accept', send('GET /graphql/stream'), 406, 'BAD_REQUEST'],
  [
    'an event stream of a foreign page',
    send('GET /graphql/stream', foreign, 'Accept: text/event-stream'),
    403,
    'FORBIDDEN',
  ],
  ['a body that is too large', post('/graphql', 'x'.repeat(262_145)), 413, 'BAD_REQUEST'],
  ['a body of another media type', post('/graphql', '<a/>', 'text/xml'), 415, 'BAD_REQUEST'],
  ['a body that is not JSON', post('/graphql', '{'), 400, 'BAD_REQUEST'],
  ['another host', head('GET /metrics HTTP/1.1', 'Host: evil.example', close), 421, 'BAD_REQUEST'],
  ['a webhook without a signature', post('/webhooks/helpcrunch', '{}'), 401, 'UNAUTHENTICATED'],
  ['a WebSocket of a foreign page', webSocket(foreign), 403, 'FORBIDDEN'],
  ['a WebSocket with an invalid handshake', webSocket(), 400, 'BAD_REQUEST'],
  ['CONNECT', send('CONNECT localhost:443'), 400, 'BAD_REQUEST'],
  [
    'a request head that is too large',
    send('GET /', `X: ${'x'.repeat(20_000)}`),
    431,
    'BAD_REQUEST',
  ],
  ['bytes that are not HTTP', 'x\r\n\r\n', 400, 'BAD_REQUEST'],
];

test.each(cases)(
  'the error response has the same form for %s',
  async (...[, text, status, code]) => {
    const [response] = await exchange(gateway.url, text);

    expect(response).toMatchObject({
      status,
      headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    });
    expect(JSON.parse(response?.body ?? '')).toEqual({
      errors: [
        {
          message: expect.stringMatching(/^[A-Z].*\.$/),
          extensions: {
            code,
            retryable: errorCodes[code].retryable,
            requestId: response?.headers['x-request-id'],
          },
        },
      ],
      extensions: { upstream: { calls: 0, cacheHits: 0, shared: 0 } },
    });
  },
);

test.each([
  [
    'an unknown path',
    send('GET /api/graphql'),
    'This path does not exist. The API is at /graphql.',
  ],
  [
    'a body without a media type of GraphQL',
    post('/graphql', '{}', 'application/x-www-form-urlencoded'),
    'Send the header "Content-Type: application/json".',
  ],
])('the error for %s says how to correct the request', async (_what, text, message) => {
  const [response] = await exchange(gateway.url, text);

  expect(JSON.parse(response?.body ?? '').errors[0].message).toBe(message);
});
