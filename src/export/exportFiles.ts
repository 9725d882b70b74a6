import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { access, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { createGunzip, gzip } from 'node:zlib';
import type { ExportKind } from './options.ts';
import { ExportError, exportKinds } from './options.ts';
import type { ExportSelection } from './settings.ts';
import type { ExportState } from './state.ts';
import { createState, parseState, stateError } from './state.ts';

const compress = promisify(gzip);

export const stateFileName = 'state.json';
const lockFileName = 'export.lock';

/** The data is personal. */
const fileMode = 0o600;
const directoryMode = 0o700;

export const fileNameOf = (kind: ExportKind, isGzip: boolean): string =>
  `${kind}.ndjson${isGzip ? '.gz' : ''}`;

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';

const advice: Readonly<Record<string, string>> = {
  ENOSPC: 'No space is left on the device. Free space and run the export again; it continues.',
  EDQUOT: 'The disk quota is used up. Free space and run the export again; it continues.',
  EACCES: 'Permission denied.',
  EROFS: 'The file system is read-only.',
  ENOENT: 'It is missing.',
};

/** Names the file and the reason of a failed file operation. */
async function withFile<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ExportError) throw error;
    const code = codeOf(error);
    const reason = advice[code] ?? `It cannot be read or written (${code || 'unknown error'}).`;
    throw new ExportError('OUTPUT', `${path}: ${reason}`, { cause: error });
  }
}

async function syncDirectory(directory: string): Promise<void> {
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
    const handle = await open(`${path}.tmp`, 'w', fileMode);
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

async function readIfExists(path: string): Promise<string | undefined> {
  return withFile(path, () =>
    readFile(path, 'utf8').catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }),
  );
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
};

/** Two exports in one directory would overwrite each other's lines. The lock of a process that has ended is ignored. */
async function lock(directory: string): Promise<string> {
  const path = join(directory, lockFileName);
  const owner = Number((await readIfExists(path)) ?? '');
  if (owner > 0 && owner !== process.pid && isRunning(owner))
    throw stateError(`${directory}: is in use by the process ${owner}. If not, delete ${path}.`);
  await replaceFile(directory, lockFileName, String(process.pid));
  return path;
}

/** The files of an export. Lines are added in commits: the data is on the disk before the state that counts it. */
export class ExportFiles {
  readonly directory: string;
  readonly #isGzip: boolean;
  readonly #lockPath: string;
  readonly #handles = new Map<ExportKind, FileHandle>();
  readonly #lines = new Map<ExportKind, string[]>();
  #state: ExportState;

  private constructor(directory: string, lockPath: string, state: ExportState) {
    this.directory = directory;
    this.#lockPath = lockPath;
    this.#state = state;
    this.#isGzip = state.selection.gzip;
  }

  /** Continues the export in the directory, or starts one. */
  static async open(
    directory: string,
    selection: ExportSelection,
    startedAt: string,
  ): Promise<ExportFiles> {
    await withFile(directory, () => mkdir(directory, { recursive: true, mode: directoryMode }));
    const lockPath = await lock(directory);
    try {
      const path = join(directory, stateFileName);
      const text = await readIfExists(path);
      if (text !== undefined)
        return new ExportFiles(directory, lockPath, parseState(text, selection, path));
      for (const kind of exportKinds) await refuseForeignFile(directory, kind);
      const files = new ExportFiles(directory, lockPath, createState(selection, startedAt));
      await files.commit({});
      return files;
    } catch (error) {
      await rm(lockPath, { force: true });
      throw error;
    }
  }

  get state(): ExportState {
    return this.#state;
  }

  pathOf(kind: ExportKind): string {
    return join(this.directory, fileNameOf(kind, this.#isGzip));
  }

  /** Creates the files of these kinds, and removes what was written after the last commit. */
  async openKinds(kinds: readonly ExportKind[]): Promise<void> {
    for (const kind of kinds) {
      const path = this.pathOf(kind);
      await withFile(path, async () => {
        const { bytes } = this.#state.files[kind];
        // Without `O_TRUNC`, and not `a`, which ignores positions.
        const handle = await open(path, bytes === 0 ? 'a' : 'r+', fileMode);
        await handle.close();
        const writable = await open(path, 'r+');
        this.#handles.set(kind, writable);
        const { size } = await writable.stat();
        if (size < bytes)
          throw stateError(`${path}: has lost data, because it is shorter than its state says.`);
        if (size > bytes) await writable.truncate(bytes);
      });
    }
    await withFile(this.directory, () => syncDirectory(this.directory));
  }

  /** The objects of a file up to the last commit. */
  async *read(kind: ExportKind): AsyncGenerator {
    const { bytes } = this.#state.files[kind];
    if (bytes === 0) return;
    const stored = createReadStream(this.pathOf(kind), { end: bytes - 1 });
    const input = this.#isGzip ? stored.pipe(createGunzip()) : stored;
    stored.on('error', (error) => input.destroy(error));
    for await (const line of createInterface({ input, crlfDelay: Infinity }))
      yield JSON.parse(line);
  }

  /** Adds a line to the next commit, if the kind is exported. */
  add(kind: ExportKind, object: Readonly<Record<string, unknown>>): void {
    if (!this.#handles.has(kind)) return;
    const lines = this.#lines.get(kind) ?? [];
    lines.push(`${JSON.stringify(object)}\n`);
    this.#lines.set(kind, lines);
  }

  /** Writes the added lines, and then the state with them. */
  async commit(change: Partial<ExportState>): Promise<void> {
    const files = { ...this.#state.files };
    for (const [kind, lines] of this.#lines) {
      const { bytes, lines: before } = files[kind];
      const written = await this.#write(kind, Buffer.from(lines.join('')), bytes);
      files[kind] = { bytes: bytes + written, lines: before + lines.length };
    }
    const state = { ...this.#state, ...change, files };
    await replaceFile(this.directory, stateFileName, `${JSON.stringify(state)}\n`);
    this.#lines.clear();
    this.#state = state;
  }

  async close(): Promise<void> {
    for (const handle of this.#handles.values()) await handle.close();
    this.#handles.clear();
    await rm(this.#lockPath, { force: true });
  }

  /** Each commit is a gzip member of its own, so that the file can be cut between them. */
  async #write(kind: ExportKind, text: Buffer, position: number): Promise<number> {
    const handle = this.#handles.get(kind);
    if (handle === undefined) return 0;
    const data = this.#isGzip ? await compress(text) : text;
    await withFile(this.pathOf(kind), async () => {
      for (let sent = 0; sent < data.length;) {
        const { bytesWritten } = await handle.write(
          data,
          sent,
          data.length - sent,
          position + sent,
        );
        sent += bytesWritten;
      }
      await handle.datasync();
    });
    return data.length;
  }
}

async function refuseForeignFile(directory: string, kind: ExportKind): Promise<void> {
  for (const isGzip of [false, true]) {
    const path = join(directory, fileNameOf(kind, isGzip));
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    if (exists)
      throw stateError(`${path}: exists without ${stateFileName}. Choose an empty directory.`);
  }
}
