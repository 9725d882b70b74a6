import { readFileSync, statSync } from 'node:fs';
import { mkdir, open, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { exportData, exportKinds } from '../../src/index.ts';
import { exportFailure } from '../support/exportFailures.ts';
import {
  accountState,
  createExportDirectory,
  exportedState,
  readKind,
  repeatedIds,
  sorted,
} from '../support/exports.ts';
import { startDemo } from '../support/gateway.ts';

let demo: Awaited<ReturnType<typeof startDemo>>;

beforeAll(async () => {
  demo = await startDemo({ customers: 20, chats: 40, config: { rateLimit: 0 } });
});

afterAll(async () => {
  await demo[Symbol.asyncDispose]();
});

/** Stops an export before its first list is read. */
async function startExport(options: Parameters<typeof exportData>[0]) {
  const stop = new AbortController();
  const failure = await exportFailure({
    ...options,
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  expect(failure.code).toBe('INTERRUPTED');
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

type FileMethod = (this: FileHandle, ...values: readonly any[]) => Promise<unknown>;

/** Replaces a method of all open files while something runs. */
async function withMethod<Result>(
  name: 'datasync' | 'write',
  create: (original: FileMethod) => FileMethod,
  run: () => Promise<Result>,
): Promise<Result> {
  const handle = await open('/dev/null');
  await handle.close();
  const prototype = Object.getPrototypeOf(handle);
  const original = prototype[name];
  prototype[name] = create(original);
  try {
    return await run();
  } finally {
    prototype[name] = original;
  }
}

describe('the files of an export', () => {
  test.each([false, true])('can be read by their owner only (gzip: %s)', async (gzip) => {
    await using target = await createExportDirectory();
    const directory = join(target.directory, 'daily', 'backup');
    const modes = new Map<string, number>();
    await exportData({
      ...{ url: demo.url, directory, gzip },
      onProgress: () => modes.set('export.lock', modeOf(join(directory, 'export.lock'))),
    });
    for (const name of await readdir(directory)) modes.set(name, modeOf(join(directory, name)));

    expect([modeOf(directory), modeOf(join(directory, '..'))]).toEqual([0o700, 0o700]);
    expect(modes.size).toBe(exportKinds.length + 3);
    expect(new Set(modes.values())).toEqual(new Set([0o600]));
  });

  test('are flushed to the disk before the state that counts their lines', async () => {
    await using target = await createExportDirectory();
    const { directory } = target;
    const readState = () => JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8'));
    const counted: number[] = [];
    let flushes = 0;
    const watch = (original: FileMethod): FileMethod =>
      async function (this: FileHandle) {
        const { size } = await this.stat();
        const sizes = Object.values(readState().files).map(({ bytes }: any) => bytes);
        counted.push(...sizes.filter((bytes) => bytes === size));
        await original.call(this);
        flushes += 1;
      };

    await withMethod('datasync', watch, () => exportData({ url: demo.url, directory }));

    expect(counted).toEqual([]);
    // One for each page of a list, for the messages of 14 chats, and for each list of the team.
    expect(flushes).toBe(1 + 3 + 1 + 2);
  });

  test.each([
    ['a link to another file', (path: string, other: string) => symlink(other, path)],
    ['a link to a missing file', (path: string) => symlink(`${path}.missing`, path)],
    ['a link to a device', (path: string) => symlink('/dev/null', path)],
    ['a directory', (path: string) => mkdir(path)],
  ])('are not written to %s', async (_what, replace) => {
    await using target = await createExportDirectory();
    await using others = await createExportDirectory();
    const other = join(others.directory, 'other');
    await writeFile(other, 'kept');
    const options = { url: demo.url, directory: target.directory };
    await startExport(options);
    const path = join(target.directory, 'messages.ndjson');
    await rm(path);
    await replace(path, other);

    const failure = await exportFailure(options);

    expect(failure).toMatchObject({ code: 'STATE', message: expect.stringContaining(path) });
    expect(failure.message).toMatch(/is a symbolic link|is not a file/);
    expect(await readFile(other, 'utf8')).toBe('kept');
    expect(await readdir(target.directory)).not.toContain('messages.ndjson.missing');
  });

  test.each([false, true])(
    'are continued after a full disk, without loss or duplicates (gzip: %s)',
    async (gzip) => {
      await using target = await createExportDirectory();
      const options = { url: demo.url, directory: target.directory, gzip };
      const failures: unknown[] = [];
      for (let space = 1; ; space += 1) {
        let left = space;
        const fill = (original: FileMethod): FileMethod =>
          async function (this: FileHandle, data, offset, length, position) {
            left -= 1;
            if (left >= 0) return original.call(this, data, offset, length, position);
            // The last block that fits.
            if (left === -1 && length > 1)
              return original.call(this, data, offset, Math.floor(length / 2), position);
            throw Object.assign(new Error('write'), { code: 'ENOSPC' });
          };
        const outcome = await withMethod('write', fill, () =>
          exportData(options).catch((error: unknown) => error),
        );
        if (!(outcome instanceof Error)) break;
        failures.push(outcome);
      }

      expect(failures.length).toBeGreaterThan(1);
      for (const failure of failures)
        expect(failure).toMatchObject({
          code: 'OUTPUT',
          message: expect.stringMatching(
            /: No space is left on the device\. Free space and run the export again; it continues\.$/,
          ),
        });
      expect(sorted(await exportedState(target.directory))).toEqual(
        sorted(await accountState(demo.simulator)),
      );
      for (const kind of exportKinds)
        expect(repeatedIds(await readKind(target.directory, kind))).toEqual([]);
    },
  );

  test.each([
    ['file', 'It is not a directory.'],
    ['file/directory', 'A part of the path is not a directory.'],
  ])('are not written to %s', async (path, message) => {
    await using target = await createExportDirectory();
    await writeFile(join(target.directory, 'file'), '');
    const directory = join(target.directory, path);

    expect(await exportFailure({ url: demo.url, directory })).toMatchObject({
      code: 'OUTPUT',
      message: `${directory}: ${message}`,
    });
  });
});

describe('the lock of an export', () => {
  const kinds = ['agents'] as const;
  /** Runs as long as the tests. */
  const running = process.ppid;

  test('is ignored if its process has ended and another one has its id', async () => {
    await using target = await createExportDirectory();
    const lock = join(target.directory, 'export.lock');
    let own = '';
    const options = { url: demo.url, directory: target.directory, kinds };
    await exportData({ ...options, onProgress: () => (own = readFileSync(lock, 'utf8')) });
    const [pid, id, start = ''] = own.split(' ');
    expect(pid).toBe(String(process.pid));
    const earlier = start.replace(/\d+$/, '1');
    await writeFile(lock, `${running} ${id} ${earlier}`);

    const { lines } = await exportData(options);

    expect(lines.agents).toBe(40);
    expect(await readdir(target.directory)).not.toContain('export.lock');
  });

  test.each(['', ' earlier', ' earlier boot:1'])(
    'is respected while its process runs, and only then: %j',
    async (rest) => {
      await using target = await createExportDirectory();
      const options = { url: demo.url, directory: target.directory, kinds };
      const lock = join(target.directory, 'export.lock');
      await writeFile(lock, `${running}${rest}`);
      const outcome = await exportData(options).catch((error: unknown) => error);

      if (rest.includes('boot')) expect(outcome).toMatchObject({ lines: { agents: 40 } });
      else
        expect(outcome).toMatchObject({
          code: 'STATE',
          message: expect.stringContaining(`is in use by the process ${running}`),
        });
    },
  );

  test.each([
    ['no lock', undefined],
    ['an empty lock', ''],
    ['the lock of an ended process', '2147483646 ended'],
    // Processes of two containers can have the same id.
    ['the lock of another container', `${process.pid} another`],
  ])(
    'is taken by one of several exports that start at the same time with %s',
    async (_what, text) => {
      await using target = await createExportDirectory();
      if (text !== undefined) await writeFile(join(target.directory, 'export.lock'), text);
      const options = { url: demo.url, directory: target.directory };
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, () => exportData(options)),
      );

      const failures = outcomes.flatMap((each) =>
        each.status === 'rejected' ? [each.reason] : [],
      );
      expect(failures).toHaveLength(7);
      for (const failure of failures)
        expect(failure).toMatchObject({
          code: 'STATE',
          message: expect.stringMatching(/is in use by the process|was taken over/),
        });
      expect(sorted(await exportedState(target.directory))).toEqual(
        sorted(await accountState(demo.simulator)),
      );
    },
  );

  test('can be taken over while lines are written, and only the new export counts its lines', async () => {
    await using target = await createExportDirectory();
    const { directory } = target;
    const options = { url: demo.url, directory };
    const lock = join(directory, 'export.lock');
    let flushes = 0;
    let second: Awaited<ReturnType<typeof exportData>> | undefined;
    const takeOver = (original: FileMethod): FileMethod =>
      async function (this: FileHandle) {
        flushes += 1;
        if (flushes === 2) {
          await writeFile(lock, `${process.pid} another`);
          second = await exportData(options);
        }
        return original.call(this);
      };
    const failure = await withMethod('datasync', takeOver, () => exportFailure(options));

    expect(failure).toMatchObject({
      code: 'STATE',
      message: `${lock}: was taken over by another export, or deleted.`,
    });
    const calls = demo.simulator.calls.length;
    expect(await exportData(options)).toEqual(second);
    // It is complete, so that nothing is read again.
    expect(demo.simulator.calls).toHaveLength(calls);
    expect(sorted(await exportedState(directory))).toEqual(
      sorted(await accountState(demo.simulator)),
    );
    for (const kind of exportKinds)
      expect(repeatedIds(await readKind(directory, kind))).toEqual([]);
  });
});
