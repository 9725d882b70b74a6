import { pbkdf2 } from 'node:crypto';
import { open } from 'node:fs/promises';
import { brotliCompress, gunzip, gzip, gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { Idleness } from './idleness.ts';

const body = Buffer.alloc(16_000_000, 'a');

/** While the other threads of the pool are busy. */
async function closeFile(done: () => void) {
  const handle = await open('/dev/null');
  for (let index = 0; index < 8; index += 1) pbkdf2('', '', 50_000, 64, 'sha512', () => undefined);
  void handle.close().then(done);
}

test.each<[string, (done: () => void) => void | Promise<void>]>([
  ['closing a file', closeFile],
  ['gzip', (done) => gzip(body, done)],
  ['brotliCompress', (done) => brotliCompress(body, done)],
  ['gunzip', (done) => gunzip(gzipSync(body), done)],
])('idleness is reached only after another thread has finished %s', async (_name, start) => {
  const idleness = new Idleness();
  let isDone = false;
  await start(() => {
    isDone = true;
  });
  await idleness.reached();
  idleness.end();

  expect(isDone).toBe(true);
});
