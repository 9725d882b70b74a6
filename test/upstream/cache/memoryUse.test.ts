import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config/settings.ts';
import { propertyRuns } from '../../support/propertyRuns.ts';

const run = promisify(execFile);

const script = fileURLToPath(new URL('../../support/fillCache.ts', import.meta.url));

test('more customers and chats than fit stay within CACHE_MAX_BYTES', async () => {
  const { cacheMaxBytes } = readConfig({});

  const { stdout } = await run(process.execPath, [
    '--expose-gc',
    '--import',
    'tsx',
    script,
    String(cacheMaxBytes),
    String(Math.min(propertyRuns(250_000), 1_000_000)),
  ]);

  const { resident, heap, counted, kept } = JSON.parse(stdout);
  expect(resident).toBeLessThan(1.5 * cacheMaxBytes);
  expect(heap).toBeLessThan(cacheMaxBytes);
  expect(counted).toBeLessThanOrEqual(cacheMaxBytes);
  // The limit is used completely.
  expect(kept).toBeGreaterThan(0.99 * cacheMaxBytes);
});
