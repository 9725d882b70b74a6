import { constants, createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, gzip } from 'node:zlib';
import type { z } from 'zod';
import { ExportLock } from './exportLock.ts';
import {
  codeOf,
  openFile,
  readIfExists,
  replaceFile,
  syncDirectory,
  withFile,
} from './fileAccess.ts';
import type { ExportKind } from './options.ts';
import { exportKinds } from './options.ts';
import type { ExportSelection } from './settings.ts';
import type { ExportState } from './state.ts';
import { createState, parseState, stateError } from './state.ts';

const compress = promisify(gzip);

const stateFileName = 'state.json';

const directoryMode = 0o700;

export const fileNameOf = (kind: ExportKind, isGzip: boolean): string =>
  `${kind}.ndjson${isGzip ? '.gz' : ''}`;

/** The files of an export. Lines are added in commits: the data is on the disk before the state that counts it. */
export class ExportFiles {
  readonly directory: string;
  readonly #isGzip: boolean;
  readonly #lock: ExportLock;
  readonly #handles = new Map<ExportKind, FileHandle>();
  readonly #lines = new Map<ExportKind, string[]>();
  #state: ExportState;

  private constructor(directory: string, lock: ExportLock, state: ExportState) {
    this.directory = directory;
    this.#lock = lock;
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
    const lock = await ExportLock.acquire(directory);
    try {
      const path = join(directory, stateFileName);
      const text = await readIfExists(path);
      if (text !== undefined)
        return new ExportFiles(directory, lock, parseState(text, selection, path));
      const foreign = await findFile(directory);
      if (foreign !== undefined) {
        // The export that has taken the lock over may have written it.
        await lock.assertHeld();
        throw stateError(`${foreign}: exists without ${stateFileName}. Choose an empty directory.`);
      }
      const files = new ExportFiles(directory, lock, createState(selection, startedAt));
      await files.commit({});
      return files;
    } catch (error) {
      await lock.release();
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
    await this.#lock.assertHeld();
    for (const kind of kinds) {
      const path = this.pathOf(kind);
      await withFile(path, async () => {
        const { bytes } = this.#state.files[kind];
        const creates = bytes === 0 ? constants.O_CREAT : 0;
        const { handle, size } = await openFile(path, constants.O_RDWR | creates).catch(
          (error: unknown) => {
            throw codeOf(error) === 'ENOENT' ? stateError(`${path}: is missing.`) : error;
          },
        );
        this.#handles.set(kind, handle);
        if (size < bytes)
          throw stateError(`${path}: has lost data, because it is shorter than its state says.`);
        if (size > bytes) await handle.truncate(bytes);
      });
    }
    await withFile(this.directory, () => syncDirectory(this.directory));
  }

  /** The objects of a file up to the last commit. */
  async *read<Line>(kind: ExportKind, schema: z.ZodType<Line>): AsyncGenerator<Line> {
    const { bytes } = this.#state.files[kind];
    if (bytes === 0) return;
    const path = this.pathOf(kind);
    const stored = createReadStream(path, { end: bytes - 1 });
    // Errors of both streams end the iteration.
    const text = this.#isGzip ? pipeline(stored, createGunzip(), () => undefined) : stored;
    let rest = '';
    try {
      for await (const chunk of text.setEncoding('utf8')) {
        const lines = `${rest}${chunk}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield schema.parse(JSON.parse(line));
      }
    } catch (error) {
      throw damagedFile(path, error);
    }
    if (rest !== '') throw damagedFile(path);
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
    await this.#lock.assertHeld();
    const files = { ...this.#state.files };
    for (const [kind, lines] of this.#lines) {
      const { bytes, lines: before } = files[kind];
      const written = await this.#write(kind, Buffer.from(lines.join('')), bytes);
      files[kind] = { bytes: bytes + written, lines: before + lines.length };
    }
    const state = { ...this.#state, ...change, files };
    // Writing the lines can take long.
    if (this.#lines.size > 0) await this.#lock.assertHeld();
    await replaceFile(this.directory, stateFileName, `${JSON.stringify(state)}\n`);
    this.#lines.clear();
    this.#state = state;
  }

  async close(): Promise<void> {
    try {
      for (const [kind, handle] of this.#handles)
        await withFile(this.pathOf(kind), () => handle.close());
    } finally {
      this.#handles.clear();
      await this.#lock.release();
    }
  }

  /** Each commit is a gzip member of its own, so that the file can be cut between them. */
  async #write(kind: ExportKind, text: Buffer, position: number): Promise<number> {
    const handle = this.#handles.get(kind);
    if (handle === undefined) return 0;
    const data = this.#isGzip ? await compress(text) : text;
    // Compressing can take long.
    if (this.#isGzip) await this.#lock.assertHeld();
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

const damagedFile = (path: string, cause?: unknown) =>
  stateError(`${path}: is damaged. Choose an empty directory.`, cause);

/** The path of a file with lines. */
async function findFile(directory: string): Promise<string | undefined> {
  for (const kind of exportKinds) {
    for (const isGzip of [false, true]) {
      const path = join(directory, fileNameOf(kind, isGzip));
      // A link to a file that does not exist would create it.
      const exists = await lstat(path).then(
        () => true,
        () => false,
      );
      if (exists) return path;
    }
  }
  return undefined;
}
