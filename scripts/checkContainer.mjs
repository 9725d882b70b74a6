// Carries out each step of the Dockerfile in an empty folder, without a container engine, and looks whether what comes out runs
// as it will run there: as an unprivileged user, in a folder that cannot be written to, without development packages.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const unprivilegedId = 65_534;
const isRoot = process.getuid?.() === 0;
const top = mkdtempSync(join(tmpdir(), 'helpcrunch-container-'));
if (isRoot) chownSync(top, unprivilegedId, unprivilegedId);
const allowed = readFileSync('.dockerignore', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1));

function fail(message) {
  throw new Error(message);
}

const stages = new Map();
let stage;

const steps = {
  FROM(rest) {
    const [, name = 'last'] = rest.split(/ AS /i);
    stage = { root: join(top, name), directory: '/', environment: {} };
    stages.set(name, stage);
    mkdirSync(stage.root);
  },
  WORKDIR(path) {
    stage.directory = path;
    mkdirSync(join(stage.root, path), { recursive: true });
  },
  COPY(rest) {
    const words = rest.split(/ +/);
    const from = words[0].startsWith('--from=') ? words.shift().slice('--from='.length) : undefined;
    const target = words.pop();
    for (const source of words) {
      // The base image is this machine.
      if (from !== undefined && source.startsWith('/usr/')) continue;
      if (from === undefined && !allowed.includes(source))
        fail(`.dockerignore leaves out ${source}`);
      const path = from === undefined ? source : join(stages.get(from).root, source);
      const place = join(stage.root, stage.directory, target);
      const isInto = target.endsWith('/') || words.length > 1;
      cpSync(path, isInto ? join(place, basename(source)) : place, {
        recursive: true,
        verbatimSymlinks: true,
      });
    }
  },
  RUN(command) {
    const { status } = spawnSync('sh', ['-c', command.replace(/^--mount=\S+ /, '')], {
      cwd: join(stage.root, stage.directory),
      env: { PATH: process.env.PATH, HOME: top, ...stage.environment },
      stdio: ['ignore', 2, 'inherit'],
    });
    if (status !== 0) fail(`"${command}" ended with ${status}`);
  },
  ENV(rest) {
    const [, name, value] = /^(\w+)=(.*)$/.exec(rest);
    stage.environment[name] = value;
  },
  USER(name) {
    stage.user = name;
  },
  ARG() {},
  LABEL() {},
  EXPOSE() {},
  HEALTHCHECK(rest) {
    stage.health = JSON.parse(rest.slice(rest.indexOf('CMD ') + 4));
  },
  CMD(rest) {
    stage.command = JSON.parse(rest);
  },
};

function forEachPath(folder, visit) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink()) continue;
    if (entry.isDirectory()) forEachPath(path, visit);
    visit(path, entry.isDirectory());
  }
}

async function freePort() {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function runIt({ root, directory, environment, user, command, health }) {
  if (user === undefined || user === 'root') fail('the container runs as root');
  const cwd = join(root, directory);
  forEachPath(root, (path, isFolder) =>
    chmodSync(path, isFolder || statSync(path).mode & 0o100 ? 0o555 : 0o444),
  );
  const port = String(await freePort());
  const env = { PATH: process.env.PATH, ...environment, DEMO: 'true', PORT: port };
  const options = { cwd, env, ...(isRoot ? { uid: unprivilegedId, gid: unprivilegedId } : {}) };
  const child = spawn(command[0], command.slice(1), {
    ...options,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  let greeting = '';
  for await (const chunk of child.stdout) {
    greeting += chunk;
    if (greeting.includes('  shared ')) break;
  }
  if (child.exitCode !== null) fail('it does not start');
  const healthy = spawnSync(health[0], health.slice(1), options).status;
  const sick = spawnSync(health[0], health.slice(1), {
    ...options,
    env: { ...env, PORT: '1' },
  }).status;
  const response = await fetch(`http://127.0.0.1:${env.PORT}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ chats(first: 1) { nodes { id } } }' }),
  });
  const { data } = await response.json();
  child.kill('SIGTERM');
  const [code] = await ended;
  if (healthy !== 0 || sick !== 1)
    fail(`the health check says ${healthy} when well and ${sick} when not`);
  if (data?.chats.nodes.length !== 1) fail('it does not answer');
  if (code !== 0) fail(`it ends with ${code}`);
}

try {
  for (const line of readFileSync('Dockerfile', 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [word] = line.split(' ', 1);
    if (!Object.hasOwn(steps, word)) fail(`unsupported instruction: ${word}`);
    process.stdout.write(`${line.slice(0, 100)}\n`);
    steps[word](line.slice(word.length + 1));
  }
  const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  for (const name of Object.keys(devDependencies)) {
    const path = join(stage.root, stage.directory, 'node_modules', name);
    const isAlsoNeeded = (lock) => lock.packages[`node_modules/${name}`]?.dev !== true;
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
    if (existsSync(path) && !isAlsoNeeded(lock))
      fail(`${name} is for development and is in the container`);
  }
  await runIt(stage);
  const { stdout } = spawnSync('du', ['-sm', stage.root], { encoding: 'utf8' });
  process.stdout.write(
    `Every step was carried out; it runs, is healthy and stops. ${stdout.split('\t')[0]} MB beside the base image.\n`,
  );
} finally {
  forEachPath(top, (path, isFolder) => {
    if (isFolder) chmodSync(path, 0o755);
  });
  rmSync(top, { recursive: true, force: true });
}
