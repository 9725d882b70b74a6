import type { Clock } from '../lib/clock.ts';
import type { ExportFiles } from './exportFiles.ts';
import type { ExportIndex, ExportObject } from './exportIndex.ts';
import type { GatewayClient } from './gatewayClient.ts';
import type { ExportKind } from './options.ts';
import type { Pauses } from './pauses.ts';
import type { ExportState } from './state.ts';

interface ExportSessionOptions {
  readonly files: ExportFiles;
  readonly client: GatewayClient;
  readonly pauses: Pauses;
  readonly clock: Clock;
  readonly kinds: readonly ExportKind[];
  readonly isStaff: boolean;
  /** Undefined unless the export follows changes. */
  readonly index: ExportIndex | undefined;
  /** Calls to HelpCrunch so far, those of earlier runs included. */
  readonly calls: () => number;
  readonly onCommit: () => void;
}

/** What the parts of a run share. */
export class ExportSession {
  readonly files: ExportFiles;
  readonly client: GatewayClient;
  readonly pauses: Pauses;
  readonly isStaff: boolean;
  readonly index: ExportIndex | undefined;
  readonly #options: ExportSessionOptions;

  constructor(options: ExportSessionOptions) {
    this.#options = options;
    const { files, client, pauses, isStaff, index } = options;
    this.files = files;
    this.client = client;
    this.pauses = pauses;
    this.isStaff = isStaff;
    this.index = index;
  }

  get state(): ExportState {
    return this.files.state;
  }

  exports(kind: ExportKind): boolean {
    return this.#options.kinds.includes(kind);
  }

  /** The time of a state that is requested now. */
  now(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }

  /** Adds a line, unless the last line of the object is the same. Returns whether the object is new or changed. */
  add(kind: ExportKind, object: ExportObject, exportedAt: string): boolean {
    if (this.index?.isChanged(kind, object) === false) return false;
    this.files.add(kind, { ...object, exportedAt });
    return true;
  }

  addDeletion(kind: ExportKind, id: string): void {
    if (this.index?.has(kind, id) !== true) return;
    this.index.delete(kind, id);
    this.files.add(kind, { id, deleted: true, exportedAt: this.now() });
  }

  async commit(change: Partial<ExportState> = {}): Promise<void> {
    await this.files.commit({ ...change, calls: this.#options.calls() });
    this.#options.onCommit();
  }
}
