import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { probes } from '../scripts/probes.ts';
import { startAccount, type TestAccount } from './simulator/client.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

let account: TestAccount;

beforeEach(async () => {
  account = await startAccount({ customers: 3, chats: 5 });
});

afterEach(() => account.simulator.close());

async function runProbe(...flags: readonly string[]) {
  const { url, key } = account.simulator;
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/probe.ts', ...flags], {
    cwd: root,
    env: { ...process.env, HELPCRUNCH_API_URL: url, HELPCRUNCH_API_KEY: key },
  });
  const output = { out: '', error: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.error += chunk.toString()));
  const [code] = await once(child, 'close');
  return { ...output, code: code as unknown };
}

const contents = async () => {
  const [chats, customers] = await Promise.all(
    ['/chats', '/customers'].map((path) => account.call('GET', path)),
  );
  return { chats: chats?.body, customers: customers?.body };
};

test('the probe without --yes prints its requests and sends none', async () => {
  const { code, out } = await runProbe();

  expect(code).toBe(0);
  for (const { name, request } of probes) expect(out).toContain(`${name}: ${request}\n`);
  expect(account.simulator.calls).toEqual([]);
});

test('the probe prints a result for each request and leaves the account unchanged', async () => {
  account.simulator.behave({ okBody: 'text', customDataPatch: 'replace', onHold: 'onhold' });
  account.simulator.behave({ statusSearch: 'exact', closingRequestsRating: 'always' });
  const before = await contents();

  const { code, out, error } = await runProbe('--yes');

  expect({ code, error }).toEqual({ code: 0, error: '' });
  for (const { name } of probes) expect(out).toMatch(new RegExp(`^${name}: \\S`, 'm'));
  expect(out).not.toContain(': failed');
  expect(out).toContain('custom data that PATCH omits: 200, customData {"api_probe_b":"2"}\n');
  expect(out).toContain('"on hold": 200, 0 rows; "onhold": 200, 1 rows; "on-hold": 200, 0 rows');
  expect(out).toMatch(/closing twice: 200, .*"request_rating","request_rating"/);
  expect(out).toContain(
    'deletion of the customer: 200, body Ok\nchat of the deleted customer: 404',
  );
  expect(await contents()).toEqual(before);
});

test('the probe deletes its customer if a request fails', async () => {
  const before = await contents();
  account.simulator.behave({ faults: [{ match: 'POST /messages', fault: 'reset' }] });

  const { code, out } = await runProbe('--yes');

  expect(code).toBe(0);
  expect(out).toContain('private note: failed, fetch failed\n');
  expect(await contents()).toEqual(before);
});

test('the probe stops when the rate limit is exhausted, and deletes its customer', async () => {
  const before = await contents();
  const fault = { kind: 'status', status: 429 } as const;
  account.simulator.behave({ faults: [{ match: 'PATCH', times: 1, fault }] });

  const { code, out, error } = await runProbe('--yes');

  expect({ code, error }).toEqual({
    code: 1,
    error: 'The rate limit is exhausted. Try again later.\n',
  });
  expect(out).not.toContain('closing twice');
  expect(await contents()).toEqual(before);
});

test('every probe is documented', () => {
  const text = readFileSync(`${root}docs/helpcrunch/unknowns.md`, 'utf8');
  const documented = [...text.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name);

  expect(documented).toEqual(probes.map(({ name }) => name));
});
