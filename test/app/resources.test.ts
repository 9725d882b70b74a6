import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { killAll, run } from '../support/process.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const environment = { LOG_FORMAT: 'json' };

afterAll(killAll);

const warningsOf = (lines: string): string[] =>
  lines
    .split('\n')
    .filter((line) => line.includes('questionable setting'))
    .map((line) => JSON.parse(line))
    .map(({ variable, reason }) => `${variable} ${reason}`);

/** The warnings of a process that is stopped as soon as it has started. */
async function warningsWith(settings: Readonly<Record<string, string>>, options: string[] = []) {
  await using gateway = run({ ...environment, ...settings }, options);
  await gateway.started();
  gateway.stop();
  return warningsOf((await gateway.ended).error);
}

/** The same with at most this many open files. */
async function warningsWithFiles(files: number, settings: Readonly<Record<string, string>>) {
  const command = `ulimit -n ${files}; exec "$0" dist/main.js`;
  const child = spawn('sh', ['-c', command, process.execPath], {
    cwd: root,
    env: { PATH: process.env['PATH'], PORT: '0', ...environment, ...settings },
  });
  const error = text(child.stderr);
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  return warningsOf(await error);
}

describe('a start', () => {
  test('caches that do not fit the heap are a warning', async () => {
    const caches = { CACHE_MAX_BYTES: '1073741824' };
    const warnings = await warningsWith(caches, ['--max-old-space-size=256']);

    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /^CACHE_MAX_BYTES and RESPONSE_CACHE_MAX_BYTES do not fit the heap of \d+ MiB\./,
    );
  });

  test('caches that fit the heap are not a warning', async () => {
    expect(await warningsWith({}, ['--max-old-space-size=256'])).toEqual([]);
  });

  test('more connections than open files are a warning', async () => {
    const warnings = await warningsWithFiles(2_048, { MAX_CONNECTIONS: '2049' });

    expect(warnings).toEqual([
      'MAX_CONNECTIONS is more than the 2048 files that the process may open. Lower it, or raise the limit (ulimit -n, LimitNOFILE).',
    ]);
  });

  test('connections within the open files are not a warning', async () => {
    expect(await warningsWithFiles(2_048, { MAX_CONNECTIONS: '2048' })).toEqual([]);
  });
});

test('the first scrape has the figures of the process since its start, and no scrape has impossible ones', async () => {
  await using gateway = run(environment);
  const { url } = await gateway.started();
  const scrape = async () => (await fetch(`${url}/metrics`)).text();

  let first = await scrape();
  // Nothing has been measured before the event loop has turned twice.
  while (!/^nodejs_eventloop_lag_max_seconds /m.test(first)) first = await scrape();
  const later = [await scrape(), await scrape()];

  const valueIn = (metrics: string, name: string) =>
    Number(new RegExp(`^${name} (.+)$`, 'm').exec(metrics)?.[1]);
  for (const figure of ['min', 'max', 'mean', 'p50', 'p99']) {
    const name = `nodejs_eventloop_lag_${figure}_seconds`;
    expect(valueIn(first, name)).toBeGreaterThan(0);
    expect(valueIn(first, name)).toBeLessThan(60);
    // Absent if nothing was measured since the last scrape.
    for (const metrics of later) expect(valueIn(metrics, name)).not.toBeGreaterThan(60);
  }
  expect(valueIn(first, 'process_cpu_seconds_total')).toBeGreaterThan(0.1);
});
