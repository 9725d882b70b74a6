import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { ExportError } from './options.ts';
import { stateError } from './state.ts';

/** The data is personal. */
export const fileMode = 0o600;

export const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';

const advice: Readonly<Record<string, string>> = {
  ENOSPC: 'No space is left on the device. Free space and run the export again; it continues.',
  EDQUOT: 'The disk quota is used up. Free space and run the export again; it continues.',
  EACCES: 'Permission denied.',
  EPERM: 'Permission denied.',
  EROFS: 'The file system is read-only.',
  EFBIG: 'It is larger than the file system or a limit of the process allows.',
  ENOENT: 'It is missing or cannot be created.',
  EISDIR: 'It is a directory.',
  EEXIST: 'It is not a directory.',
  ENOTDIR: 'A part of the path is not a directory.',
};

/** Names the file and the reason of a failed file operation. */
export async function withFile<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ExportError) throw error;
    const code = codeOf(error);
    const reason = advice[code] ?? `It cannot be read or written (${code || 'unknown error'}).`;
    throw new ExportError('OUTPUT', `${path}: ${reason}`, { cause: error });
  }
}

export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a file at once: after a crash it has the old or the new content. */
export async function replaceFile(directory: string, name: string, text: string): Promise<void> {
  const path = join(directory, name);
  await withFile(path, async () => {
    // What a killed process left, or a link that would be followed.
    await rm(`${path}.tmp`, { force: true });
    const handle = await open(`${path}.tmp`, 'wx', fileMode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(`${path}.tmp`, path);
    await syncDirectory(directory);
  });
}

/** Why a file of the export cannot be opened. A link would be followed to a file that is not of the export. */
const unusable: Readonly<Record<string, string>> = {
  EISDIR: 'is not a file.',
  ENXIO: 'is not a file.',
  ELOOP: 'is a symbolic link, which is not followed.',
  EMLINK: 'is a symbolic link, which is not followed.',
};

interface OpenedFile {
  readonly handle: FileHandle;
  readonly size: number;
}

/** Opens a file of the export, and nothing else. */
export async function openFile(path: string, flags: number): Promise<OpenedFile> {
  // Opening a pipe would wait for its other end.
  const safeFlags = flags | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, safeFlags, fileMode).catch((error: unknown) => {
    const problem = unusable[codeOf(error)];
    throw problem === undefined ? error : stateError(`${path}: ${problem}`);
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw stateError(`${path}: is not a file.`);
    return { handle, size: stats.size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Far more than the state of a large account takes, and less than the longest string. */
const maxReadBytes = 268_435_456;

/** Reads a small file. */
export async function readIfExists(path: string): Promise<string | undefined> {
  return withFile(path, async () => {
    const opened = await openFile(path, constants.O_RDONLY).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (opened === undefined) return undefined;
    const { handle, size } = opened;
    try {
      if (size > maxReadBytes)
        throw stateError(`${path}: is larger than any file of an export with this name.`);
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  });
}
