import type { TypedDocumentNode } from '@apollo/client';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { BatchHttpLink } from '@apollo/client/link/batch-http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { exchange, head } from '../support/rawHttp.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';

const graphqlResponse = 'application/graphql-response+json; charset=utf-8';
const json = 'application/json; charset=utf-8';
const typename: TypedDocumentNode<any, any> = gql`
  query {
    viewer {
      role
    }
  }
`;
const operation = JSON.stringify({ query: '{ __typename }' });

let upstream: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;
let authenticated: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  gateway = await startTestGateway({ upstream });
  authenticated = await startTestGateway({
    upstream,
    config: { auth: jwtAuth(), requestRateLimit: 1, corsOrigins: ['https://app.example'] },
  });
});

afterAll(async () => {
  await gateway.stop();
  await authenticated.stop();
  await upstream[Symbol.asyncDispose]();
});

const post = (
  { url }: { readonly url: string },
  body: string,
  headers: Readonly<Record<string, string>> = {},
) =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });

const send = async (accept: string, { line = 'POST /graphql', host = 'localhost' } = {}) => {
  const length = `Content-Length: ${operation.length}`;
  const fields = ['Content-Type: application/json', length, `Accept: ${accept}`];
  const lines = [`${line} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...fields];
  const [response] = await exchange(gateway.url, head(...lines) + operation);
  return response;
};

describe('the media type', () => {
  test.each([
    ['*/*', json],
    ['application/*', json],
    ['application/json', json],
    ['application/graphql-response+json', graphqlResponse],
    ['application/graphql-response+json,application/json;q=0.9', graphqlResponse],
    ['application/json, application/graphql-response+json', json],
    ['application/graphql-response+json;q=0.5, application/json', json],
    ['application/json;q=0, */*', graphqlResponse],
    ['Application/GraphQL-Response+JSON ; q=1.000', graphqlResponse],
    ['text/html;level="1,2", application/graphql-response+json', graphqlResponse],
    ['application/json;profile=x', json],
  ])('with Accept %s is %s for data, and for errors of every layer', async (accept, type) => {
    const responses = await Promise.all([
      post(gateway, operation, { accept }),
      post(gateway, operation, { accept }),
      post(gateway, '{"query":"{"}', { accept }),
      post(gateway, '{', { accept }),
      post(gateway, '[]', { accept }),
      post(gateway, 'x'.repeat(300_000), { accept }),
      post(gateway, operation, { accept, 'content-type': 'text/xml' }),
      post(authenticated, operation, { accept }),
    ]);
    const raw = await Promise.all([
      send(accept, { host: 'evil.example' }),
      send(accept, { line: 'PUT /graphql' }),
      send(accept, { line: 'POST /graphql/nothing' }),
    ]);

    expect([
      ...new Set(responses.map(({ headers }) => headers.get('content-type'))),
      ...new Set(raw.map((response) => response?.headers['content-type'])),
    ]).toEqual([type, type]);
    expect(responses.slice(3).map(({ status }) => status)).toEqual([400, 400, 413, 415, 401]);
    expect(raw.map((response) => response?.status)).toEqual([421, 405, 404]);
  });

  test.each([
    ['application/json', json, 21],
    ['application/graphql-response+json', graphqlResponse, 22],
    ['application/graphql-response+json, application/json;q=0.9', graphqlResponse, 23],
    ['*/*', json, 24],
  ])('with Accept %s is %s for 403 and 429', async (accept, type, agentId) => {
    const token = await bearer({ role: 'agent', agentId });
    const origin = 'https://evil.example';
    const subscription = '{"query":"subscription { chatUpdated { change } }"}';
    const stream = { accept: `${accept}, text/event-stream`, origin };

    const forbidden = await post(authenticated, subscription, { ...token, ...stream });
    await post(authenticated, operation, { ...token, accept });
    const limited = await post(authenticated, operation, { ...token, accept });

    expect([forbidden.status, limited.status]).toEqual([403, 429]);
    expect(forbidden.headers.get('content-type')).toBe(type);
    expect(limited.headers.get('content-type')).toBe(type);
  });

  test.each(['image/png', 'application/json;q=0', '*/*;q=0.0'])(
    'with Accept %s is refused before execution',
    async (accept) => {
      const response = await send(accept);

      expect(response).toMatchObject({ status: 406, headers: { 'content-type': json } });
      expect(response?.body).toContain('Accept application/graphql-response+json');
    },
  );
});

describe('Apollo Client reads the code', () => {
  const clientOf = (options: HttpLink.Options) =>
    new ApolloClient({ link: new HttpLink(options), cache: new InMemoryCache() });

  async function codeOf(options: HttpLink.Options) {
    const { error } = await clientOf(options).query({ query: typename, errorPolicy: 'all' });
    return CombinedGraphQLErrors.is(error) && error.errors[0]?.extensions?.['code'];
  }

  test('of a real 401', async () => {
    expect(await codeOf({ uri: `${authenticated.url}/graphql` })).toBe('UNAUTHENTICATED');
  });

  test('of a real 429, with the time of the next attempt', async () => {
    const headers = await bearer({ sub: 'a', role: 'agent', agentId: 7 });
    const client = clientOf({ uri: `${authenticated.url}/graphql`, headers });
    await client.query({ query: typename });

    const { error } = await client.query({
      query: typename,
      errorPolicy: 'all',
      fetchPolicy: 'network-only',
    });

    expect(CombinedGraphQLErrors.is(error) && error.errors[0]?.extensions).toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: expect.any(Number),
    });
  });

  test.each([
    ['of a body that is too large', 'x'.repeat(300_000)],
    ['of a body that is not JSON', '{'],
  ])('%s', async (_what, body) => {
    const alter: typeof fetch = (url, init) => fetch(url, { ...init, body });

    expect(await codeOf({ uri: `${gateway.url}/graphql`, fetch: alter })).toBe('BAD_REQUEST');
  });
});

describe('batched requests', () => {
  const message = /^Batched requests are not supported\. Send each operation in a request/;

  test('are rejected with what to do instead', async () => {
    const response = await post(gateway, `[${operation},${operation}]`);
    const { errors }: any = await response.json();

    expect(response.status).toBe(400);
    expect(errors).toMatchObject([
      { message: expect.stringMatching(message), extensions: { code: 'BAD_REQUEST' } },
    ]);
  });

  test('of Apollo Client fail with that error for each operation', async () => {
    const link = new BatchHttpLink({ uri: `${gateway.url}/graphql` });
    const client = new ApolloClient({
      link,
      cache: new InMemoryCache(),
      queryDeduplication: false,
    });

    const results = await Promise.all(
      [1, 2].map(() =>
        client.query({ query: typename, errorPolicy: 'all', fetchPolicy: 'no-cache' }),
      ),
    );

    for (const { error } of results) {
      expect(CombinedGraphQLErrors.is(error) && error.errors).toMatchObject([
        { message: expect.stringMatching(message), extensions: { code: 'BAD_REQUEST' } },
      ]);
    }
  });

  test('with very many operations get a single error', async () => {
    const accept = 'application/graphql-response+json';
    const response = await post(gateway, `[${'1,'.repeat(100_000)}1]`, { accept });
    const text = await response.text();

    expect(response.status).toBe(400);
    expect(text.length).toBeLessThan(1_000);
  });
});

test.each([1, null, ['a'], {}, true])(
  'a sha256Hash of %j is a bad request on every entry point',
  async (sha256Hash) => {
    const extensions = { persistedQuery: { version: 1, sha256Hash } };
    const search = new URLSearchParams({ extensions: JSON.stringify(extensions) });
    const body = JSON.stringify({ extensions });
    const responses = await Promise.all([
      post(gateway, body),
      fetch(`${gateway.url}/graphql?${search.toString()}`, {
        headers: { 'apollo-require-preflight': '1' },
      }),
      fetch(`${gateway.url}/graphql/stream`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
        body,
      }),
    ]);

    for (const response of responses) {
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        errors: [{ extensions: { code: 'BAD_REQUEST' } }],
      });
    }
  },
);

describe('an authenticated router', () => {
  const routerSecret = 'a secret of the router, 32 bytes long';
  const router = { 'x-router-secret': routerSecret, accept: 'application/graphql-response+json' };

  test('gets every GraphQL error with status 200 as application/json', async () => {
    await using routed = await startTestGateway({
      upstream,
      config: { auth: jwtAuth(), routerSecret },
    });
    const token = await bearer({ sub: 'a', role: 'agent', agentId: 7 });
    const responses = await Promise.all([
      post(routed, '{"query":"{ viewer { role } }"}', router),
      post(routed, '{', router),
      post(routed, '{"query":"{ nothing }"}', { ...router, ...token }),
      post(routed, '{"query":"{"}', { ...router, ...token }),
      post(routed, '[]', { ...router, ...token }),
      post(routed, `[${operation}]`, { ...router, ...token }),
    ]);
    const results: any[] = await Promise.all(responses.map((response) => response.json()));
    const unverified = await post(routed, operation);

    expect(responses.map(({ status, headers }) => [status, headers.get('content-type')])).toEqual(
      Array(6).fill([200, json]),
    );
    expect(results.map(({ errors }) => errors[0].extensions.code)).toEqual([
      'UNAUTHENTICATED',
      'BAD_REQUEST',
      'GRAPHQL_VALIDATION_FAILED',
      'GRAPHQL_PARSE_FAILED',
      'BAD_REQUEST',
      'BAD_REQUEST',
    ]);
    expect(unverified.status).toBe(401);
  });

  test.each(['/graphql', '/graphql/stream'])(
    'gets every GraphQL error of a stream at %s with status 200 as application/json',
    async (path) => {
      await using routed = await startTestGateway({
        upstream,
        config: { auth: jwtAuth(), routerSecret },
      });
      const token = await bearer({ role: 'agent', agentId: 7 });
      const accept = 'text/event-stream, application/graphql-response+json;q=0.5';
      const ask = (body: string, headers: Readonly<Record<string, string>>) =>
        fetch(`${routed.url}${path}`, {
          method: 'POST',
          headers: { ...router, 'content-type': 'application/json', accept, ...headers },
          body,
        });
      const responses = [
        await ask('{"query":"subscription { chatUpdated { change } }"}', {}),
        await ask('{"query":"subscription { nothing }"}', token),
        await ask('{', token),
      ];
      const results: any[] = await Promise.all(responses.map((response) => response.json()));

      expect(responses.map(({ status, headers }) => [status, headers.get('content-type')])).toEqual(
        Array(3).fill([200, json]),
      );
      expect(results.map(({ errors }) => errors[0].extensions.code)).toEqual([
        'UNAUTHENTICATED',
        'GRAPHQL_VALIDATION_FAILED',
        'BAD_REQUEST',
      ]);
    },
  );
});
