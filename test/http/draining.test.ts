import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createDeferred } from '../support/deferred.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { head, openConnection } from '../support/rawHttp.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { chatData, signatureOf, webhookSecret, wireDelivery } from '../support/webhooks.ts';

const host = 'Host: localhost';
const delayMs = 5_000;

let upstream: RecordingUpstream;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
});

afterEach(() => upstream.clearCalls());

afterAll(() => upstream[Symbol.asyncDispose]());

const start = async () => {
  const clock = createManualClock();
  const config = { webhookSecret, shutdown: { delayMs, graceMs: 10_000 } };
  return { clock, ...(await startTestGateway({ upstream, clock, config })) };
};

/** Starts the shutdown, and resolves when it has begun. */
async function stopGateway({ url, stop }: Pick<Awaited<ReturnType<typeof start>>, 'url' | 'stop'>) {
  const stopped = stop();
  while ((await fetch(`${url}/readyz`)).status !== 503);
  return { stopped };
}

/** Resolves with the response of the next call for the chat, which the test completes. */
function holdChat(id = 5208): Promise<ServerResponse> {
  const { promise, resolve } = createDeferred<ServerResponse>();
  upstream.respond(`GET /chats/${id}`, (_call, response) => {
    resolve(response);
    return undefined;
  });
  return promise;
}

const body = JSON.stringify({ query: '{ chat(id: 5208) { id } }' });
const fields = ['Content-Type: application/json', `Content-Length: ${body.length}`];
const query = head('POST /graphql HTTP/1.1', host, ...fields) + body;

const search = `query=${encodeURIComponent('{ chat(id: 5208) { id } }')}`;
const stream = head(`GET /graphql/stream?${search} HTTP/1.1`, host, 'Accept: text/event-stream');

test.each([
  ['a query', query],
  ['a GET', head(`GET /graphql?${search} HTTP/1.1`, host, 'Apollo-Require-Preflight: 1')],
])(
  'the response to %s that runs at SIGTERM says that its connection closes',
  async (_what, text) => {
    const { clock, url, stop } = await start();
    const asked = holdChat();
    using connection = await openConnection(url);
    connection.write(text);
    const call = await asked;

    const { stopped } = await stopGateway({ url, stop });
    call.end(JSON.stringify(wireChat()));
    const response = await connection.response();
    await connection.closed;
    clock.advance(delayMs);
    await stopped;

    expect(response).toMatchObject({ status: 200, headers: { connection: 'close' } });
  },
);

test('a webhook that arrives at SIGTERM is applied, and its response says that its connection closes', async () => {
  const { clock, url, stop } = await start();
  const delivery = wireDelivery({
    event: 'chat.new',
    eventData: chatData({ id: 5208 }),
    atMs: clock.now(),
  });
  using connection = await openConnection(url);
  const lines = ['Content-Type: application/json', `Content-Length: ${delivery.length}`];
  const signature = `X-HelpCrunch-Signature: ${signatureOf(delivery)}`;
  connection.write(head('POST /webhooks/helpcrunch HTTP/1.1', host, ...lines, signature));

  const { stopped } = await stopGateway({ url, stop });
  connection.write(delivery);
  const response = await connection.response();
  await connection.closed;
  clock.advance(delayMs);
  await stopped;

  expect(response).toMatchObject({ status: 200, headers: { connection: 'close' } });
  expect(JSON.parse(response?.body ?? '')).toEqual({ outcome: 'applied' });
});

test('the head of an event stream that starts after SIGTERM says that its connection closes', async () => {
  const { clock, url, stop } = await start();
  const asked = holdChat();
  using connection = await openConnection(url);
  connection.write(stream);
  const call = await asked;

  const { stopped } = await stopGateway({ url, stop });
  call.end(JSON.stringify(wireChat()));
  await connection.closed;
  clock.advance(delayMs);
  await stopped;

  expect(connection.heard().toLowerCase()).toContain('\r\nconnection: close\r\n');
});

test.each([
  ['/metrics', head('GET /metrics HTTP/1.1', host), 200],
  ['/readyz', head('GET /readyz HTTP/1.1', host), 503],
  ['an unknown path', head('GET /nothing HTTP/1.1', host), 404],
  ['a malformed target', head('GET nothing HTTP/1.1', host), 400],
  ['a webhook', head('POST /webhooks/helpcrunch HTTP/1.1', host, 'Content-Length: 0'), 401],
  [
    'a CORS preflight',
    head(
      'OPTIONS /graphql HTTP/1.1',
      host,
      'Origin: http://localhost:1',
      'Access-Control-Request-Method: POST',
    ),
    204,
  ],
])(
  'during the shutdown delay a response of %s says that its connection closes',
  async (...[, text, status]) => {
    const { clock, url, stop } = await start();
    using connection = await openConnection(url);
    connection.write(head('GET /healthz HTTP/1.1', host));
    const before = await connection.response();

    const { stopped } = await stopGateway({ url, stop });
    connection.write(text);
    const response = await connection.response();
    await connection.closed;
    clock.advance(delayMs);
    await stopped;

    expect(before?.headers['connection']).toBe('keep-alive');
    expect(response).toMatchObject({ status, headers: { connection: 'close' } });
  },
);

test('of pipelined requests only the last response says that the connection closes', async () => {
  const { clock, url, stop } = await start();
  const asked = [holdChat(5208), holdChat(5209)];
  using connection = await openConnection(url);
  connection.write(query + query.replace('5208', '5209'));
  const [first, second] = await Promise.all(asked);

  const { stopped } = await stopGateway({ url, stop });
  second?.end(JSON.stringify(wireChat({ id: 5209 })));
  first?.end(JSON.stringify(wireChat()));
  const responses = [await connection.response(), await connection.response()];
  await connection.closed;
  clock.advance(delayMs);
  await stopped;

  expect(responses).toMatchObject([
    { status: 200, headers: { connection: 'keep-alive' } },
    { status: 200, headers: { connection: 'close' } },
  ]);
});
