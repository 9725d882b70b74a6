import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startDemo, startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { exchange, head } from '../support/rawHttp.ts';
import type { RawResponse } from '../support/rawHttp.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';

const query = '{ chats(first: 100) { nodes { id status createdAt customer { id name email } } } }';
const unknownFields = `{ ${Array.from({ length: 30 }, (_, index) => `unknown${index}`).join(' ')} }`;
const cacheTtlsMs = { chats: 600_000, customers: 600_000, account: 600_000, absent: 600_000 };

let demo: Awaited<ReturnType<typeof startDemo>>;

beforeAll(async () => {
  demo = await startDemo({ customers: 120, chats: 400, config: { cacheTtlsMs } });
  // The third request is a hit of the response cache.
  for (let run = 0; run < 3; run += 1) await demo.query(query);
});

afterAll(() => demo[Symbol.asyncDispose]());

const bytesOf = ({ body }: RawResponse): Buffer => Buffer.from(body, 'latin1');

async function send(text: string): Promise<RawResponse> {
  const [response] = await exchange(demo.url, text);
  if (response === undefined) throw new Error('There is no response.');
  return response;
}

const encodingLines = (acceptEncoding: string | undefined) =>
  acceptEncoding === undefined ? [] : [`Accept-Encoding: ${acceptEncoding}`];

function post(document: string, acceptEncoding?: string, path = '/graphql', lines: string[] = []) {
  const body = JSON.stringify({ query: document });
  const fields = ['Content-Type: application/json', `Content-Length: ${body.length}`, ...lines];
  const all = ['Host: localhost', 'Connection: close', ...encodingLines(acceptEncoding), ...fields];
  return send(head(`POST ${path} HTTP/1.1`, ...all) + body);
}

const get = (path: string, acceptEncoding?: string) =>
  send(
    head(
      `GET ${path} HTTP/1.1`,
      'Host: localhost',
      'Connection: close',
      ...encodingLines(acceptEncoding),
    ),
  );

const decoders = { br: brotliDecompressSync, gzip: gunzipSync };

function decode(response: RawResponse): string {
  const coding = response.headers['content-encoding'];
  if (coding === undefined) return bytesOf(response).toString();
  if (coding !== 'br' && coding !== 'gzip') throw new Error(`Unexpected coding ${coding}.`);
  return decoders[coding](bytesOf(response)).toString();
}

describe('the encoding of a response', () => {
  test.each([
    [undefined, undefined],
    ['', undefined],
    ['gzip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['br', 'br'],
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip;q=1, br;q=0.5', 'gzip'],
    ['br;q=0, gzip', 'gzip'],
    ['br;q=0.000, gzip;q=0', undefined],
    ['*', 'br'],
    ['br;q=0, *', 'gzip'],
    ['*;q=0, gzip', 'gzip'],
    ['identity', undefined],
    ['identity, gzip;q=0.5', undefined],
    ['identity;q=0.5, gzip', 'gzip'],
    ['identity;q=0, gzip;q=0.001', 'gzip'],
    ['deflate', undefined],
  ])('for Accept-Encoding %s is %s', async (acceptEncoding, coding) => {
    const cached = await post(query, acceptEncoding);
    const failed = await post(unknownFields, acceptEncoding);
    const metrics = await get('/metrics', acceptEncoding);

    for (const response of [cached, failed, metrics]) {
      expect(response.headers['content-encoding']).toBe(coding);
      expect(response.headers['vary']).toMatch(/Accept-Encoding/);
      expect(response.headers['content-length']).toBe(String(bytesOf(response).length));
    }
    expect(JSON.parse(decode(cached)).data.chats.nodes).toHaveLength(100);
    expect(JSON.parse(decode(failed)).errors[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    expect(decode(metrics)).toContain('helpcrunch_subscriptions 0');
  });

  test('is none below 1 KiB, unless that is excluded', async () => {
    const small = await post('{ __typename }', 'br');
    const required = await post('{ __typename }', 'br, identity;q=0');

    expect(small.headers['content-encoding']).toBeUndefined();
    expect(small.headers['vary']).not.toMatch(/Accept-Encoding/);
    expect(required.headers['content-encoding']).toBe('br');
    expect(JSON.parse(decode(required)).data).toEqual({ __typename: 'Query' });
  });

  test('must be possible', async () => {
    const response = await post(query, 'identity;q=0, *;q=0');

    expect(response.status).toBe(406);
    expect(response.body).toContain('"BAD_REQUEST"');
  });

  test.each([
    ['event streams', '/graphql/stream', 'text/event-stream', 'event: next'],
    ['event streams', '/graphql', 'text/event-stream', 'event: next'],
    ['multipart', '/graphql', 'multipart/mixed;subscriptionSpec=1.0', '{"payload":{"data"'],
  ])('is none for %s at %s', async (_what, path, accept, text) => {
    const headers = { 'content-type': 'application/json', 'accept-encoding': 'br, gzip', accept };
    const response = await fetch(`${demo.url}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query }),
    });

    expect(response.headers.get('content-type')).toContain(accept.replace(/;.*/, ''));
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(await response.text()).toContain(text);
  });

  test('of a cached response is stored with it and counted in its size', async () => {
    const document = query.replace('createdAt', 'lastMessageAt');
    const size = async () =>
      Number(/helpcrunch_response_cache_bytes (\d+)/.exec(decode(await get('/metrics')))?.[1]);
    for (let run = 0; run < 3; run += 1) await post(document);
    const plain = await size();
    const first = await post(document, 'br');
    const second = await post(document, 'br');

    expect(second.body).toBe(first.body);
    expect((await size()) - plain).toBe(bytesOf(first).length);
    expect(bytesOf(first).length).toBeLessThan(decode(first).length / 3);
    expect(JSON.parse(decode(first))).toEqual(JSON.parse(decode(await post(document))));
  });
});

describe('revalidation of a GET', () => {
  const path = (document: string) => `/graphql?query=${encodeURIComponent(document)}`;
  const ask = (target: string, headers: Readonly<Record<string, string>> = {}, url = demo.url) =>
    fetch(`${url}${target}`, { headers: { 'apollo-require-preflight': '1', ...headers } });

  async function tagOf(target = path(query)): Promise<string> {
    return (await ask(target)).headers.get('etag') ?? '';
  }

  test('uses a weak tag of the data and is private', async () => {
    const responses = [
      await ask(path(query)),
      await ask(path(query), { 'accept-encoding': 'gzip' }),
    ];

    for (const { status, headers } of responses) {
      expect(status).toBe(200);
      expect(headers.get('etag')).toMatch(/^W\/"[\w-]{22}"$/);
      expect(headers.get('cache-control')).toBe('private, no-cache');
      expect(headers.get('vary')).toMatch(/Authorization, Accept, Accept-Encoding/);
    }
    expect(responses[0]?.headers.get('etag')).toBe(responses[1]?.headers.get('etag'));
  });

  test.each([
    ['the tag', (tag: string) => tag],
    ['the tag as a strong one', (tag: string) => tag.slice(2)],
    ['a list with the tag', (tag: string) => `"a,b", W/"x" ,${tag}`],
    ['any tag', () => ' * '],
  ])('gives 304 without a body for %s', async (_what, header) => {
    const tag = await tagOf();
    const response = await ask(path(query), { 'if-none-match': header(tag) });

    expect(response.status).toBe(304);
    expect(await response.text()).toBe('');
    expect(response.headers.get('etag')).toBe(tag);
    expect(response.headers.get('cache-control')).toBe('private, no-cache');
    expect(response.headers.get('vary')).toMatch(/Authorization, Accept, Accept-Encoding/);
  });

  test.each(['"x"', 'W/"x", "y"', 'x', '""', '*, "x"'])('gives 200 for %s', async (header) => {
    expect((await ask(path(query), { 'if-none-match': header })).status).toBe(200);
  });

  test('gives 200 after the data has changed', async () => {
    const document = '{ chat(id: 5210) { readByAgent } }';
    const before = await tagOf(path(document));
    const { data } = await demo.query(document);
    await demo.query(
      `mutation { markChatRead(id: 5210, by: AGENT, read: ${!data.chat.readByAgent}) { id } }`,
    );
    const response = await ask(path(document), { 'if-none-match': before });

    expect(response.status).toBe(200);
    expect(response.headers.get('etag')).not.toBe(before);
  });

  test.each([
    ['errors', path('{ chat(id: 99999999) { id } }')],
    ['invalid operations', path('{ nothing }')],
    [
      'unknown hashes',
      `/graphql?extensions=${encodeURIComponent(JSON.stringify({ persistedQuery: { version: 1, sha256Hash: 'x' } }))}`,
    ],
    ['mutations', path('mutation { markChatRead(id: 5210, by: AGENT, read: true) { id } }')],
  ])('is not offered for %s', async (_what, target) => {
    const response = await ask(target, { 'if-none-match': '*' });

    expect(response.status).not.toBe(304);
    expect(response.headers.get('etag')).toBeNull();
    expect(response.headers.get('cache-control')).toMatch(/no-store|no-cache/);
  });

  const document = '{ chat(id: 5208) { id } }';

  test('uses different tags for different viewers of the same data', async () => {
    await using upstream = await startRecordingUpstream();
    upstream.respond('GET /chats/5208', { body: wireChat() });
    await using gateway = await startTestGateway({ upstream, config: { auth: jwtAuth() } });
    const responseFor = async (agentId: number, ifNoneMatch = '') => {
      const token = await bearer({ role: 'agent', agentId });
      return ask(path(document), { ...token, 'if-none-match': ifNoneMatch }, gateway.url);
    };
    const first = await responseFor(1);
    const tag = first.headers.get('etag') ?? '';

    const same = await responseFor(1, tag);
    const other = await responseFor(2, tag);

    expect(same.status).toBe(304);
    expect(other.status).toBe(200);
    expect(await other.json()).toMatchObject({ data: { chat: { id: '5208' } } });
    expect(other.headers.get('etag')).not.toBe(tag);
  });

  test('uses different tags for different schemas', async () => {
    await using upstream = await startRecordingUpstream();
    upstream.respond('GET /chats/5208', { body: wireChat() });
    const tagWith = async (subgraph: boolean) => {
      await using gateway = await startTestGateway({ upstream, config: { subgraph } });
      return (await ask(path(document), {}, gateway.url)).headers.get('etag');
    };

    const tags = [await tagWith(false), await tagWith(false), await tagWith(true)];

    expect(tags[1]).toBe(tags[0]);
    expect(tags[2]).not.toBe(tags[0]);
  });

  test.each([
    '{ chats(first: 3) { nodes { id customer { name } } totalCount } }',
    '{ extensions: chats(first: 2) { extensions: nodes { extensions: customer { errors: name } } } }',
    '{ errors: chats(first: 2) { nodes { id } } }',
  ])(
    'uses one tag, whether or not the response was executed by Apollo Server: %s',
    async (fields) => {
      const fresh = path(fields);
      const tags = [await tagOf(fresh), await tagOf(fresh), await tagOf(fresh), await tagOf(fresh)];

      expect(tags[0]).toMatch(/^W/);
      expect([...new Set(tags)]).toEqual([tags[0]]);
    },
  );

  test('is not offered for POST', async () => {
    const response = await post(query, undefined, '/graphql', ['If-None-Match: *']);

    expect(response.status).toBe(200);
    expect(response.headers['etag']).toBeUndefined();
    expect(response.headers['cache-control']).toBe('no-store');
  });
});
