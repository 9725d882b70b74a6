// Packs what would be published, installs it in an empty folder, runs it there and uses it from a TypeScript project.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'helpcrunch-package-'));
const bin = join(folder, 'node_modules/.bin/helpcrunch-graphql');

const say = (text) => process.stdout.write(`${text}\n`);
const run = (cwd, command, ...args) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** The bin without the surroundings' settings. */
const runBin = (...args) =>
  execFileSync(bin, args, { cwd: folder, encoding: 'utf8', env: { PATH: process.env.PATH } });

const allowed = [
  /^dist\/[\w./]+\.js$/,
  /^dist\/redis\/scripts\/[\w/]+\.lua$/,
  /^dist\/mcp\/operations\/\w+\.graphql$/,
  /^dist\/(index|config\/\w+|export\/\w+|lib\/(accounts|clock|hosts)|observability\/log)\.d\.ts$/,
  /^dist\/explorer\/[\w.-]+\.gz$/,
  /^(package\.json|README\.md|LICENSE|schema\.graphql)$/,
];

function pack() {
  const [{ filename, files, size, unpackedSize }] = JSON.parse(
    run(root, 'npm', 'pack', '--json', '--pack-destination', folder).replace(/^[^[]*/, ''),
  );
  const paths = files.map(({ path }) => path);
  const unexpected = paths.filter((path) => !allowed.some((pattern) => pattern.test(path)));
  assert.deepEqual(unexpected, [], 'The package contains unexpected files.');
  for (const needed of ['dist/cli/main.js', 'dist/index.js', 'dist/index.d.ts', 'schema.graphql']) {
    assert.ok(paths.includes(needed), `The package lacks ${needed}.`);
  }
  const kib = (bytes) => `${Math.round(bytes / 1024)} KiB`;
  say(`packed: ${paths.length} files, ${kib(size)}, unpacked ${kib(unpackedSize)}`);
  return join(folder, filename);
}

function install(tarball) {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  // As most people have it: one package says that it wants a newer Node than it needs (docs/decisions/0051).
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--engine-strict=false'];
  run(folder, 'npm', 'install', ...flags, tarball);
  const count = run(folder, 'npm', 'ls', '--all', '--parseable').trim().split('\n').length - 1;
  say(`installed: ${count} packages`);
}

function useCommands() {
  assert.match(runBin('--version'), /^[0-9]+\.[0-9]+\.[0-9]+\n$/);
  assert.match(runBin('--help'), /check-config/);
  assert.match(runBin('check-config'), /can start/);
  assert.match(runBin('simulator', '--help'), /--rate-limit/);
  writeFileSync(join(folder, 'calls.graphql'), '{ rateLimit { remaining } }');
  assert.match(runBin('price', 'calls.graphql'), /ok/);
  say('commands: each does its work');
}

async function serve() {
  const child = spawn(bin, ['--port', '0'], { cwd: folder, env: { PATH: process.env.PATH } });
  try {
    let greeting = '';
    for await (const chunk of child.stdout) {
      greeting += chunk;
      if (greeting.includes('/metrics')) break;
    }
    const [url] = /http:\S+(?=\/graphql)/.exec(greeting);
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ chats(first: 1) { nodes { id } } }"}',
    });
    const { data } = await response.json();
    assert.equal(data.chats.nodes.length, 1);
    assert.equal((await fetch(`${url}/explorer`)).status, 200);
    say('served: an answer, and the explorer');
  } finally {
    child.kill();
  }
}

const program = `import { createServer } from 'node:http';
import { ConfigError, createGateway, ExportError, exportData } from 'helpcrunch-graphql';
import type { ExportOptions, Settings } from 'helpcrunch-graphql';

const settings: Settings = { PORT: 0, HELPCRUNCH_RATE_LIMIT: 60 };
const gateway = createGateway(settings);
const own = createServer(gateway.handler).on('upgrade', gateway.upgrade).listen(0);
const { port } = own.address() as { port: number };
const response = await fetch(\`http://127.0.0.1:\${port}/graphql\`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ query: '{ rateLimit { limit } }' }),
});
console.log(JSON.stringify(await response.json()));
const { url } = await gateway.start();
console.log((await fetch(\`\${url}/readyz\`)).status);
const options: ExportOptions = { url, directory: 'backup', kinds: ['agents'] };
console.log((await exportData(options)).lines.agents > 0);
await exportData({ ...options, gzip: true }).catch((error: unknown) => {
  console.log(error instanceof ExportError && error.code);
});
await gateway.stop();
own.close();
try {
  createGateway({ AUTH: 'invalid' });
} catch (error) {
  console.log(error instanceof ConfigError);
}
// @ts-expect-error a setting that does not exist
createGateway({ HELPCRUNCH_KEY: 'x' });
`;

function embed() {
  writeFileSync(join(folder, 'program.ts'), program);
  const options = { module: 'NodeNext', target: 'ES2022', strict: true, types: ['node'] };
  const tsconfig = {
    compilerOptions: { ...options, typeRoots: [join(root, 'node_modules/@types')] },
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...tsconfig, include: ['*.ts'] }));
  run(folder, process.execPath, join(root, 'node_modules/typescript/bin/tsc'));
  const output = run(folder, process.execPath, 'program.js').trim().split('\n');
  assert.deepEqual(JSON.parse(output[0]).data, { rateLimit: { limit: 60 } });
  assert.deepEqual(output.slice(1), ['200', 'true', 'STATE', 'true']);
  say('embedded: compiled by TypeScript, answered, exported, stopped');
}

try {
  install(pack());
  useCommands();
  await serve();
  embed();
} catch (error) {
  process.stderr.write(`${error.stdout ?? ''}${error.stderr ?? ''}`);
  throw error;
} finally {
  rmSync(folder, { recursive: true });
}
