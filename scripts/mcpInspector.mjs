// Runs the command line of the MCP inspector against the MCP server, over HTTP and stdio. Needs the network: the inspector requires Node 22.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { createGateway } from '../dist/index.js';

const packages = ['@modelcontextprotocol/inspector@latest', 'node@24'];
const root = join(import.meta.dirname, '..');
const reads = ['customerChats', 'findChats', 'findCustomers', 'inbox', 'inboxSummary', 'readChat'];

const folder = mkdtempSync(join(tmpdir(), 'mcp-inspector-'));
const bin = join(folder, 'node_modules', 'node', 'bin');
const env = { ...process.env, PATH: [bin, process.env.PATH].join(delimiter), DEMO: 'true' };
const execute = promisify(execFile);
// Asynchronous, because this process serves the requests.
const run = async (command, ...args) => (await execute(command, args, { cwd: folder, env })).stdout;
const inspect = async (...args) => JSON.parse(await run('npx', 'mcp-inspector', '--cli', ...args));

const gateway = createGateway({ PORT: 0, MCP: true, LOG_LEVEL: 'silent' });
try {
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  await run('npm', 'install', '--no-audit', '--no-fund', '--loglevel=error', ...packages);
  const { url } = await gateway.start();
  const transports = {
    HTTP: [`${url}/mcp`, '--transport', 'http'],
    stdio: ['node', join(root, 'dist', 'cli', 'main.js'), 'mcp'],
  };
  for (const [transport, target] of Object.entries(transports)) {
    const { tools } = await inspect(...target, '--method', 'tools/list');
    const names = tools.map(({ name }) => name).sort();
    assert.deepEqual(names, [...reads, 'team']);
    const call = ['--method', 'tools/call', '--tool-name', 'inboxSummary'];
    const { content, isError } = await inspect(...target, ...call);
    assert.notEqual(isError, true);
    assert.match(content[0].text, /^inboxSummary: open: [0-9]+/);
    process.stdout.write(`The inspector lists and calls the tools over ${transport}.\n`);
  }
} finally {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
}
