import { readFileSync } from 'node:fs';
import type { TypedDocumentNode } from '@apollo/client';
import { gql } from '@apollo/client';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { GraphQLSchema } from 'graphql';
import { buildClientSchema, buildSchema, parse, validate } from 'graphql';
import { WebSocket } from 'ws';
import { createPersistedQueryClient } from '../../examples/clients/apolloPersistedQueries.ts';
import { createWebSocketClient } from '../../examples/clients/apolloWebSocket.ts';
import { runCommandLine } from '../../src/cli/commandLine.ts';
import { startDemo } from '../support/gateway.ts';

async function printedSchema(...options: string[]): Promise<string> {
  let output = '';
  await runCommandLine(['schema', ...options], {
    print: (text) => (output += text),
    printError: (text) => (output += text),
  });
  return output;
}

const operations = readFileSync('examples/clients/mobile/operations.graphql', 'utf8');

test('the operations for iOS and Android are valid with the printed schema and its introspection result', async () => {
  const schemas: readonly GraphQLSchema[] = [
    buildSchema(await printedSchema()),
    buildClientSchema(JSON.parse(await printedSchema('--json'))),
  ];

  for (const schema of schemas) {
    expect(validate(schema, parse(operations))).toEqual([]);
    expect(schema.getDirective('key')).toBeUndefined();
    expect(schema.getType('_Entity')).toBeUndefined();
  }
});

let demo: Awaited<ReturnType<typeof startDemo>>;

beforeAll(async () => {
  demo = await startDemo({ customers: 20, chats: 60 });
});

afterAll(() => demo[Symbol.asyncDispose]());

test('the operations for iOS and Android are executed, and no response sets a cookie', async () => {
  const send = async (operationName: string, variables: object) => {
    const response = await fetch(`${demo.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: operations, operationName, variables }),
    });
    const result: any = await response.json();
    return { result, cookies: response.headers.getSetCookie() };
  };

  const page = await send('OpenChats', {});
  const [{ node }] = page.result.data.chats.edges;
  const sent = await send('Reply', { chatId: node.id, text: 'Hello', idempotencyKey: 'key-1' });

  expect(page.result.data.chats.edges.length).toBeGreaterThan(0);
  expect(typeof node.lastMessageAt).toBe('string');
  expect(typeof node.customer.customData).toBe('object');
  expect(sent.result.data.sendMessage.text).toBe('Hello');
  expect([...page.cookies, ...sent.cookies]).toEqual([]);
});

/** React Native's `fetch` returns a response without a stream, and these globals are missing. */
async function withoutWebApis(run: () => Promise<void>): Promise<void> {
  const { fetch } = globalThis;
  jest.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const { status, headers, text } = await fetch(input, init).then(async (response) => ({
      status: response.status,
      headers: response.headers,
      text: await response.text(),
    }));
    const response = new Response(text, { status, headers });
    return Object.defineProperty(response, 'body', { value: undefined });
  });
  const missing = ['crypto', 'ReadableStream', 'TextDecoder'] as const;
  const originals = missing.map(
    (name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const,
  );
  for (const name of missing)
    Object.defineProperty(globalThis, name, {
      value: undefined,
      configurable: true,
      writable: true,
    });
  try {
    await run();
  } finally {
    for (const [name, descriptor] of originals)
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
    jest.restoreAllMocks();
  }
}

describe('without the web APIs that React Native lacks', () => {
  const chats: TypedDocumentNode<any, any> = gql`
    query {
      chats(first: 1) {
        edges {
          cursor
          node {
            id
            readByAgent
          }
        }
      }
    }
  `;

  test('Apollo Client executes queries and mutations, and receives events over WebSocket', async () => {
    const mark: TypedDocumentNode<any, any> = gql`
      mutation ($id: ID!, $read: Boolean!) {
        markChatRead(id: $id, by: AGENT, read: $read) {
          id
          readByAgent
        }
      }
    `;
    const changes: TypedDocumentNode<any, any> = gql`
      subscription {
        chatUpdated {
          chat {
            id
            readByAgent
          }
        }
      }
    `;
    await withoutWebApis(async () => {
      const { client, webSocket } = createWebSocketClient(`${demo.url}/graphql`, undefined, {
        webSocketImpl: WebSocket,
      });
      const { data } = await client.query({ query: chats });
      const [{ node }] = data.chats.edges;
      const event = new Promise<any>((resolve) => {
        client.subscribe({ query: changes }).subscribe(resolve);
      });
      await demo.waitForSubscriptions(1);

      const marked = await client.mutate({
        mutation: mark,
        variables: { id: node.id, read: !node.readByAgent },
      });
      const { data: changed } = await event;
      await webSocket.dispose();
      client.stop();
      await demo.waitForSubscriptions(0);

      expect(marked.data.markChatRead.readByAgent).toBe(!node.readByAgent);
      expect(changed.chatUpdated.chat).toMatchObject({
        id: node.id,
        readByAgent: !node.readByAgent,
      });
    });
  });

  test('persisted queries work with a hash function of a library', async () => {
    const { createHash } = await import('node:crypto');
    const sha256 = (text: string) =>
      Promise.resolve(createHash('sha256').update(text).digest('hex'));
    await withoutWebApis(async () => {
      const client = createPersistedQueryClient(`${demo.url}/graphql`, sha256);
      const { data } = await client.query({ query: chats });
      client.stop();

      expect(data.chats.edges).toHaveLength(1);
    });
  });
});
