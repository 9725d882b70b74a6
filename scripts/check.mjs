// Runs all checks in two lanes, because each uses one core. A lane stops at its first failure.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const lanes = [['check:lint'], ['check:generated', 'check:types', 'check:format', 'schema:check']];

/** Whether the script succeeds. Its output is printed when it ends, so that lanes do not mix. */
async function run(script) {
  const startedMs = performance.now();
  const child = spawn('npm', ['run', '--silent', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => output.push(chunk));
  }
  const [code] = await once(child, 'close');
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
  process.stdout.write(Buffer.concat(output));
  process.stdout.write(`${script}: ${code === 0 ? 'passed' : 'FAILED'} in ${seconds} s\n`);
  return code === 0;
}

async function runLane(scripts) {
  for (const script of scripts) if (!(await run(script))) return false;
  return true;
}

const results = await Promise.all(lanes.map(runLane));
process.exitCode = results.every(Boolean) ? 0 : 1;
