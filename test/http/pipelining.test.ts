import type { ServerResponse } from 'node:http';
import { expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { exchange, head } from '../support/rawHttp.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';

const post = (query: string, ...fields: readonly string[]) => {
  const body = JSON.stringify({ query });
  const lines = ['Host: localhost', 'Content-Type: application/json', ...fields];
  return head('POST /graphql HTTP/1.1', ...lines, `Content-Length: ${body.length}`) + body;
};

const close = 'Connection: close';

test('at most 16 pipelined requests are served, the next gets 429 and closes the connection, and further ones are ignored', async () => {
  await using upstream = await startRecordingUpstream();
  await using gateway = await startTestGateway({ upstream });
  const held = new Promise<ServerResponse>((resolve) => {
    upstream.respond('GET /chats/1', (_call, response) => {
      resolve(response);
      return undefined;
    });
  });
  upstream.respond('GET /chats/2', { body: wireChat({ id: 2 }) });
  upstream.respond('GET /chats/3', { body: wireChat({ id: 3 }) });

  const responses = exchange(
    gateway.url,
    post('{ chat(id: 1) { id } }') +
      post('{ chat(id: 2) { id } }').repeat(15) +
      post('{ chat(id: 3) { id } }').repeat(2) +
      post('{ chat(id: 3) { id } }', close),
  );
  (await held).end(JSON.stringify(wireChat({ id: 1 })));
  const received = await responses;

  expect(received.map(({ status }) => status)).toEqual([...Array(16).fill(200), 429]);
  expect(received.at(-1)?.headers).toMatchObject({ connection: 'close', 'retry-after': '1' });
  expect(received.at(-1)?.body).toContain('at most 16');
  expect(upstream.calls.map(({ path }) => path)).not.toContain('/chats/3');
});

test('16 pipelined requests are all served', async () => {
  await using upstream = await startRecordingUpstream();
  await using gateway = await startTestGateway({ upstream });
  const query = '{ viewer { role } }';

  const responses = await exchange(gateway.url, post(query).repeat(15) + post(query, close));

  expect(responses.map(({ status }) => status)).toEqual(Array(16).fill(200));
});

test('rejected credentials above AUTH_FAILURE_LIMIT close the connection, so that no later request on it is answered', async () => {
  await using upstream = await startRecordingUpstream();
  await using gateway = await startTestGateway({
    upstream,
    config: { auth: jwtAuth(), authFailureLimit: 1 },
  });
  const { authorization } = await bearer({ role: 'agent', agentId: '12' });
  const query = '{ viewer { role } }';
  const bad = post(query, 'Authorization: Bearer nonsense');
  const good = post(query, `Authorization: ${authorization}`, close);

  const rejected = await exchange(gateway.url, bad + bad + good);
  const accepted = await exchange(gateway.url, good);

  expect(rejected.map(({ status }) => status)).toEqual([401, 429]);
  expect(rejected.at(-1)?.headers['connection']).toBe('close');
  expect(accepted.map(({ status }) => status)).toEqual([200]);
});

test('a connection with more than 100 requests without a response is reset', async () => {
  await using upstream = await startRecordingUpstream();
  await using gateway = await startTestGateway({ upstream });
  upstream.respond('GET /chats/1', () => undefined);

  const responses = await exchange(gateway.url, post('{ chat(id: 1) { id } }').repeat(120));
  const later = await exchange(gateway.url, post('{ viewer { role } }', close));

  expect(responses).toEqual([]);
  expect(later.map(({ status }) => status)).toEqual([200]);
});
