import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from '@jest/globals';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { clientOptions } from '../support/mcp.ts';

// Each test starts a process.

const command = process.execPath;
const args = ['dist/cli/main.js', 'mcp'];
const env = { PATH: process.env['PATH'] ?? '' };

const startProcess = (environment: Readonly<Record<string, string>> = {}) =>
  spawn(command, args, { env: { ...env, ...environment }, stdio: ['pipe', 'pipe', 'pipe'] });

const request = (id: number, method: string, params: object = {}) =>
  `${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`;

const initialize = (id: number) =>
  request(id, 'initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  });

test.each(['2025-06-18', '2026-07-28'] as const)(
  'a client of revision %s lists and calls tools over standard input and output',
  async (revision) => {
    const client = new Client({ name: 'test', version: '1' }, clientOptions(revision));
    await client.connect(new StdioClientTransport({ command, args, env, stderr: 'ignore' }));

    const { tools } = await client.listTools();
    const result: any = await client.callTool({ name: 'team' });

    expect(tools).toHaveLength(7);
    expect(result.content[0].text).toMatch(/^agents:\n- id: \d+/);
    await client.close();
  },
);

test('requests sent before the end of the input are answered, and the process ends with 0', async () => {
  const child = startProcess({ MCP_WRITES: 'true' });
  child.stdin.end(
    `${initialize(1)}not JSON\n${request(2, 'tools/call', { name: 'inbox', arguments: { view: 'UNREAD' } })}`,
  );
  const lines: any[] = [];
  for await (const line of createInterface(child.stdout)) lines.push(JSON.parse(line));
  const [code] = await (child.exitCode === null ? once(child, 'close') : [child.exitCode]);

  expect(lines.map(({ id }) => id)).toEqual([1, 2]);
  expect(lines[1].result.content[0].text).toContain('inbox (');
  expect(code).toBe(0);
});

test('SIGTERM ends the process with 0, and only messages are on standard output', async () => {
  const child = startProcess();
  const output: string[] = [];
  const lines = createInterface(child.stdout).on('line', (line) => output.push(line));
  child.stderr.resume();
  child.stdin.write(initialize(1));
  await once(lines, 'line');
  child.kill('SIGTERM');
  const [code] = await once(child, 'close');

  expect(code).toBe(0);
  expect(output.map((line) => JSON.parse(line).id)).toEqual([1]);
});

test.each([
  [{ AUTH: 'forward' }, 'HELPCRUNCH_API_KEY: is needed'],
  [
    {
      AUTH: 'jwt',
      JWT_SECRET: '6f1c09d2a75b4e83b0a2c7d95e4f1836',
      ACCOUNTS_FILE: 'test/support/accounts.json',
    },
    'ACCOUNTS_FILE: this command serves one account',
  ],
])('%j cannot be served, and says why', async (environment, expected) => {
  const child = startProcess(environment);
  let message = '';
  child.stderr.on('data', (chunk) => (message += String(chunk)));
  const [code] = await once(child, 'close');

  expect(code).toBe(1);
  expect(message).toContain(expected);
});
