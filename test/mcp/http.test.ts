import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startDemo } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { callTool, connectMcp, postMcp, revisions, tokensOf } from '../support/mcp.ts';

const enabled = { isEnabled: true, operations: undefined, allowsWrites: true };
const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };

let demo: Awaited<ReturnType<typeof startDemo>>;
beforeAll(async () => {
  demo = await startDemo({ config: { mcp: enabled, logLevel: 'info' } });
});
afterAll(() => demo[Symbol.asyncDispose]());

describe('clients of the SDK', () => {
  test.each(revisions)(
    'a client of revision %s lists and calls tools over HTTP',
    async (revision) => {
      const client = await connectMcp(demo.url, { revision });

      const { tools } = await client.listTools();
      const result: any = await client.callTool({ name: 'inbox', arguments: { view: 'WAITING' } });
      const { resources } = await client.listResources();

      expect(tools.map(({ name }) => name)).toContain('readChat');
      expect(result.content[0].text).toMatch(
        /^Between <t.*\ninbox \(\d+ in total\):\n- id: \d+, status: /,
      );
      expect(resources.map(({ uri }) => uri)).toEqual([
        'helpcrunch://schema',
        'helpcrunch://errors',
      ]);
      await client.close();
    },
  );

  test('resources are the schema, the error codes and a chat by id', async () => {
    const client = await connectMcp(demo.url);
    const { data } = await demo.query('{ chats(first: 1) { nodes { id } } }');
    const read = async (uri: string) => {
      const { contents } = await client.readResource({ uri });
      return String((contents[0] as any)?.text);
    };

    const schema = await read('helpcrunch://schema');
    const errors = await read('helpcrunch://errors');
    const chat = await read(`helpcrunch://chats/${data.chats.nodes[0].id}`);

    expect(schema).toContain('type Chat implements Node');
    expect(tokensOf(schema)).toBeLessThanOrEqual(8_000);
    expect(errors).toContain('RATE_LIMITED (retryable)');
    expect(chat).toContain('messages (oldest first):');
    await expect(read('helpcrunch://chats/1e3')).rejects.toThrow();
    await client.close();
  });
});

describe('the list of tools', () => {
  test('12 tools take at most 2,000 tokens', async () => {
    const { message } = await postMcp(demo.url, { jsonrpc: '2.0', id: 1, method: 'tools/list' });

    const { tools } = message.result;
    expect(tools).toHaveLength(12);
    expect(tokensOf(JSON.stringify(message.result))).toBeLessThanOrEqual(2_000);
    expect(tools.map(({ description }: any) => description)).toEqual(
      tools.map(() => expect.stringMatching(/ Max\. \d calls?\.$/)),
    );
  });

  test('mutations are listed only with MCP_WRITES, with accurate annotations', async () => {
    await using reading = await startDemo({
      config: { mcp: { ...enabled, allowsWrites: false } },
    });
    const listed = async (url: string): Promise<any[]> =>
      (await postMcp(url, { jsonrpc: '2.0', id: 1, method: 'tools/list' })).message.result.tools;

    const readOnly = await listed(reading.url);
    const all = new Map(
      (await listed(demo.url)).map(({ name, annotations }) => [name, annotations]),
    );

    expect(readOnly).toHaveLength(7);
    expect(readOnly.every(({ annotations }) => annotations.readOnlyHint)).toBe(true);
    expect(all.get('markRead')).toEqual({
      readOnlyHint: false,
      destructiveHint: false,
      idempotentHint: true,
    });
    expect(all.get('reply')).toEqual({
      readOnlyHint: false,
      destructiveHint: true,
      idempotentHint: false,
    });
    const { error } = await callTool(reading.url, 'closeChat', { chatId: '1' });
    expect(error.code).toBe(-32_602);
    expect(reading.simulator.calls.filter(({ method }) => method === 'PUT')).toEqual([]);
  });

  test('MUTATIONS=none overrides MCP_WRITES: no tool writes, and none that does can be called', async () => {
    await using reading = await startDemo({ config: { mcp: enabled, mutations: 'none' } });
    const { message } = await postMcp(reading.url, {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/list',
    });
    const { error } = await callTool(reading.url, 'reply', { chatId: '5208', text: 'Hi' });

    const { tools } = message.result;
    expect(tools.every((tool: any) => tool.annotations.readOnlyHint)).toBe(true);
    expect(tools).toHaveLength(7);
    expect(error.code).toBe(-32_602);
    expect(reading.simulator.calls).toEqual([]);
  });
});

describe('the endpoint', () => {
  test.each(['GET', 'DELETE', 'PUT'])('%s /mcp is 405', async (method) => {
    const response = await fetch(`${demo.url}/mcp`, { method });

    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
  });

  test('a batch is rejected, because no served revision has batches', async () => {
    const { status, message } = await postMcp(demo.url, [ping, ping]);

    expect(status).toBe(400);
    expect(message.error.code).toBe(-32_600);
  });

  test.each([
    ['an unsupported revision', ping, { 'mcp-protocol-version': '2024-11-05' }, 400],
    ['another media type', ping, { 'content-type': 'text/plain' }, 415],
    ['a body that is not JSON', '{', {}, 400],
    ['a foreign origin', ping, { origin: 'https://attacker.example' }, 403],
  ])('%s is rejected', async (_name, body, headers, status) => {
    const response = await postMcp(demo.url, body, headers);

    expect(response.status).toBe(status);
    expect(response.message).toMatchObject({ jsonrpc: '2.0', error: { code: expect.any(Number) } });
  });

  test('a message that is nested too deeply is rejected with a request id and without the text of an exception', async () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    const initialize = (depth: number) =>
      `{"jsonrpc":"2.0","id":7,"method":"initialize","params":{"protocolVersion":"2025-06-18","clientInfo":{"name":"a","version":"1"},"capabilities":{"experimental":{"x":{"a":${nested(depth)}}}}}}`;

    const deep = await postMcp(demo.url, initialize(100_000));
    const accepted = await postMcp(demo.url, initialize(50));

    expect(deep).toMatchObject({
      status: 400,
      message: {
        jsonrpc: '2.0',
        id: 7,
        error: {
          code: -32_600,
          message: 'The message may be nested 100 levels deep at most.',
          data: { code: 'BAD_REQUEST', requestId: deep.headers.get('x-request-id') },
        },
      },
    });
    expect(deep.text).not.toMatch(/RangeError|stack/);
    expect(accepted.message.result.serverInfo.name).toBe('helpcrunch-graphql');
  });

  test.each([
    ['initialize', { protocolVersion: {}, capabilities: [], clientInfo: null }],
    ['initialize', undefined],
    ['tools/list', { cursor: 5 }],
    ['tools/call', { name: 5 }],
    ['tools/call', { name: 'inbox', arguments: [1] }],
    ['resources/read', { uri: 5 }],
  ])('parameters of %s of a wrong type are invalid parameters: %j', async (method, params) => {
    const { message, headers } = await postMcp(demo.url, {
      jsonrpc: '2.0',
      id: 7,
      method,
      params,
    });

    expect(message).toEqual({
      jsonrpc: '2.0',
      id: 7,
      error: {
        code: -32_602,
        message: 'The parameters of this method have a wrong type, or some are missing.',
        data: {
          code: 'BAD_REQUEST',
          retryable: false,
          requestId: headers.get('x-request-id'),
        },
      },
    });
  });

  test('a chat that cannot be read is an error with a message for the client', async () => {
    const { message, headers } = await postMcp(demo.url, {
      jsonrpc: '2.0',
      id: 7,
      method: 'resources/read',
      params: { uri: 'helpcrunch://chats/999999999' },
    });

    expect(message.error).toEqual({
      code: -32_000,
      message: expect.stringContaining('NOT_FOUND'),
      data: { requestId: headers.get('x-request-id') },
    });
  });

  test.each([
    ['an unknown method', { method: 'nothing' }],
    ['an unknown tool', { method: 'tools/call', params: { name: 'nothing', arguments: {} } }],
    ['no method', {}],
  ])('an error for %s has a request id', async (_what, request) => {
    const { message, headers } = await postMcp(demo.url, { jsonrpc: '2.0', id: 7, ...request });

    expect(message.error.data.requestId).toBe(headers.get('x-request-id'));
  });

  test('a body above the limit is 413', async () => {
    await using small = await startDemo({ config: { mcp: enabled, maxBodyBytes: 1_000 } });

    const { status, message } = await postMcp(small.url, {
      ...ping,
      params: { x: 'x'.repeat(2_000) },
    });

    expect(status).toBe(413);
    expect(message.error.data.code).toBe('BAD_REQUEST');
  });

  test('subscriptions open no stream', async () => {
    const { message } = await postMcp(
      demo.url,
      {
        jsonrpc: '2.0',
        id: 1,
        method: 'subscriptions/listen',
        params: {
          notifications: {},
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientInfo': { name: 'x', version: '1' },
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      },
      { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
    );

    expect(message.error).toBeDefined();
  });

  test('/mcp is 404 unless MCP is enabled', async () => {
    await using disabled = await startDemo({ config: { mcp: { ...enabled, isEnabled: false } } });

    expect((await fetch(`${disabled.url}/mcp`, { method: 'POST' })).status).toBe(404);
  });

  test('ROUTER_ONLY rejects clients without the secret at /mcp as well', async () => {
    const routerSecret = 'a-secret-of-the-router-with-32-characters';
    await using guarded = await startDemo({
      config: { mcp: enabled, routerSecret, isRouterOnly: true },
    });

    expect((await postMcp(guarded.url, ping)).status).toBe(401);
    expect((await postMcp(guarded.url, ping, { 'x-router-secret': routerSecret })).status).toBe(
      200,
    );
  });

  test('the audit log names tool and viewer, but neither arguments nor text', async () => {
    await callTool(demo.url, 'findCustomers', { search: 'secret-argument' });

    const line = demo.logged.findLast((entry) => entry.includes('"tool call"'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({
      tool: 'findCustomers',
      viewer: 'ALL',
      code: 'OK',
      calls: 1,
    });
    expect(demo.logged.join('')).not.toContain('secret-argument');
  });
});

describe('with AUTH=jwt', () => {
  const jwt = {
    mcp: enabled,
    auth: jwtAuth({ issuer: 'https://login.example.com' }),
    publicUrl: 'https://support.example.com',
    logLevel: 'info' as const,
  };
  const agent = () => bearer({ role: 'agent', agentId: '12', iss: 'https://login.example.com' });
  const customer = (customerId: string) =>
    bearer({ role: 'customer', customerId, iss: 'https://login.example.com' });

  test('a request without a token is 401 and names the metadata of the resource', async () => {
    await using gateway = await startDemo({ config: jwt });

    const { status, headers, message } = await postMcp(gateway.url, ping);
    const metadata = await fetch(`${gateway.url}/.well-known/oauth-protected-resource/mcp`);
    const root = await fetch(`${gateway.url}/.well-known/oauth-protected-resource`);

    expect(status).toBe(401);
    expect(message.error.data.code).toBe('UNAUTHENTICATED');
    expect(headers.get('www-authenticate')).toBe(
      'Bearer realm="helpcrunch", resource_metadata="https://support.example.com/.well-known/oauth-protected-resource/mcp"',
    );
    const document = await metadata.json();
    expect(document).toMatchObject({
      resource: 'https://support.example.com/mcp',
      authorization_servers: ['https://login.example.com'],
      bearer_methods_supported: ['header'],
    });
    expect(await root.json()).toEqual(document);
  });

  test('a customer sees and calls only the tools that are for customers', async () => {
    await using gateway = await startDemo({ config: jwt });
    const { data } = await gateway.query(
      '{ chats(first: 30) { nodes { id customer { id } } } }',
      {},
      await agent(),
    );
    const [own, foreign] = data.chats.nodes.filter((chat: any) => chat.customer !== null);
    const headers = await customer(own.customer.id);

    const { message } = await postMcp(
      gateway.url,
      { jsonrpc: '2.0', id: 1, method: 'tools/list' },
      headers,
    );
    const ownChat = await callTool(gateway.url, 'readChat', { chatId: own.id }, headers);
    const foreignChat = await callTool(gateway.url, 'readChat', { chatId: foreign.id }, headers);
    const summary = await callTool(gateway.url, 'inboxSummary', {}, headers);
    const write = await callTool(gateway.url, 'markRead', { chatId: own.id }, headers);

    expect(message.result.tools.map(({ name }: any) => name)).toEqual([
      'readChat',
      'findChats',
      'findCustomers',
    ]);
    expect(ownChat.text).toContain(`chat: id: ${own.id}`);
    expect(foreignChat.text).toMatch(/^NOT_FOUND/);
    expect(summary.text).toMatch(/^FORBIDDEN/);
    expect(write.text).toMatch(/^FORBIDDEN/);
    expect(gateway.simulator.calls.filter(({ method }) => method === 'PUT')).toEqual([]);
  });

  test('an agent writes as itself', async () => {
    await using gateway = await startDemo({ config: jwt });
    const headers = await agent();
    const { data } = await gateway.query(
      '{ chats(first: 1, filter: { status: OPENED }) { nodes { id } } }',
      {},
      headers,
    );
    const chatId = data.chats.nodes[0].id;

    const reply = await callTool(gateway.url, 'reply', { chatId, text: 'Hello' }, headers);
    const other = await callTool(
      gateway.url,
      'reply',
      { chatId, text: 'Hello', agentId: '13' },
      headers,
    );
    const closed = await callTool(gateway.url, 'closeChat', { chatId }, headers);

    expect(reply).toMatchObject({ isError: false, structured: { sendMessage: {} } });
    expect(other.text).toMatch(/^FORBIDDEN/);
    expect(closed.text).toBe(`setChatStatus: {id: ${chatId}, status: CLOSED}`);
  });
});

test('RATE_LIMITED is a tool error with the retry time', async () => {
  await using gateway = await startDemo({ config: { mcp: enabled, requestRateLimit: 1 } });
  await callTool(gateway.url, 'team');

  const { isError, text } = await callTool(gateway.url, 'team');

  expect(isError).toBe(true);
  expect(text).toMatch(/^RATE_LIMITED: .* Repeat the same call after \d+ s, not before\.$/);
});

const call = (params: unknown) => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });

test.each([
  ['a call of an unknown tool', call({ name: 'missing' })],
  ['a call without a tool', call({})],
  ['a call with arguments that are no object', call({ name: 'team', arguments: 1 })],
  ['a call without an id', { jsonrpc: '2.0', method: 'tools/call', params: { name: 'team' } }],
  ['a call with unknown arguments', call({ name: 'team', arguments: { missing: 1 } })],
])('%s counts as a request', async (_name, message) => {
  await using gateway = await startDemo({ config: { mcp: enabled, requestRateLimit: 1 } });
  await postMcp(gateway.url, message);

  const { isError, text } = await callTool(gateway.url, 'team');

  expect(isError).toBe(true);
  expect(text).toMatch(/^RATE_LIMITED: /);
});

test('tools work with PERSISTED_ONLY, which does not concern them', async () => {
  await using gateway = await startDemo({
    config: { mcp: enabled, persistedOnly: 'true', persistedOperations: new Map() },
  });

  const { isError } = await callTool(gateway.url, 'team');

  expect(isError).toBe(false);
});
