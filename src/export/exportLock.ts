import { randomUUID } from 'node:crypto';
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, fileMode, readIfExists, withFile } from './fileAccess.ts';
import { stateError } from './state.ts';

const lockFileName = 'export.lock';

/** Two exports of one process have the same process id. */
const heldHere = new Set<string>();

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
};

/** The boot of the system and the time since then at which the process started. Undefined where the system does not tell. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name of the program is in parentheses and can contain spaces; the time is the 20th field after it.
    const ticks = stat.slice(stat.lastIndexOf(')')).split(' ')[20];
    return ticks && `${bootId.trim()}:${ticks}`;
  } catch {
    return undefined;
  }
}

/** The process that has the lock; undefined if it has ended, even if another one has its id now. */
async function holderOf(owner: string): Promise<number | undefined> {
  const [id = '', , start] = owner.split(' ');
  const pid = Number(id);
  if (pid === process.pid) return heldHere.has(owner) ? pid : undefined;
  if (!(pid > 0) || !isRunning(pid)) return undefined;
  const isOther = start !== undefined && start !== ((await startOf(pid)) ?? start);
  return isOther ? undefined : pid;
}

/**
 * Two exports in one directory would overwrite each other's lines. The lock of a process that has ended is ignored. Processes of two
 * containers can have the same id, so the owner also checks whether it still has the lock.
 */
export class ExportLock {
  readonly #path: string;
  readonly #owner: string;

  private constructor(path: string, owner: string) {
    this.#path = path;
    this.#owner = owner;
  }

  static async acquire(directory: string): Promise<ExportLock> {
    const start = await startOf(process.pid);
    const parts = [process.pid, randomUUID(), ...(start === undefined ? [] : [start])];
    const lock = new ExportLock(join(directory, lockFileName), parts.join(' '));
    heldHere.add(lock.#owner);
    try {
      while (!(await lock.#create())) await lock.#removeUnlessHeld(directory);
      return lock;
    } catch (error) {
      heldHere.delete(lock.#owner);
      throw error;
    }
  }

  async assertHeld(): Promise<void> {
    if (!(await this.#isHeld()))
      throw stateError(`${this.#path}: was taken over by another export, or deleted.`);
  }

  async release(): Promise<void> {
    heldHere.delete(this.#owner);
    if (await this.#isHeld()) await this.#remove();
  }

  /** Removes the lock of a process that has ended. */
  async #removeUnlessHeld(directory: string): Promise<void> {
    const pid = await holderOf((await readIfExists(this.#path)) ?? '');
    if (pid !== undefined)
      throw stateError(
        `${directory}: is in use by the process ${pid}. If not, delete ${this.#path}.`,
      );
    await this.#remove();
  }

  async #isHeld(): Promise<boolean> {
    return (await readIfExists(this.#path)) === this.#owner;
  }

  /** False if the file exists. */
  #create(): Promise<boolean> {
    return withFile(this.#path, async () => {
      const handle = await open(this.#path, 'wx', fileMode).catch((error: unknown) => {
        if (codeOf(error) === 'EEXIST') return undefined;
        throw error;
      });
      if (handle === undefined) return false;
      try {
        await handle.writeFile(this.#owner);
      } catch (error) {
        await rm(this.#path);
        throw error;
      } finally {
        await handle.close();
      }
      return true;
    });
  }

  #remove(): Promise<void> {
    return withFile(this.#path, () => rm(this.#path, { force: true }));
  }
}
