import type { Clock } from '../lib/clock.ts';
import { availabilityDocument } from './documents.ts';
import type { ExportFiles } from './exportFiles.ts';
import type { ExportIndex, ExportObject } from './exportIndex.ts';
import { CursorRejectedError } from './failures.ts';
import type { GatewayClient } from './gatewayClient.ts';
import type { ExportKind } from './options.ts';
import type { Pauses } from './pauses.ts';
import type { PendingChanges } from './pendingChanges.ts';
import type { ExportState, ListName } from './state.ts';

/** What an export that follows changes knows of the account. */
export interface Following {
  readonly index: ExportIndex;
  readonly changes: PendingChanges;
}

interface ExportSessionOptions {
  readonly files: ExportFiles;
  readonly client: GatewayClient;
  readonly pauses: Pauses;
  readonly clock: Clock;
  readonly kinds: readonly ExportKind[];
  readonly isStaff: boolean;
  readonly following: Following | undefined;
  /** Calls to HelpCrunch so far, those of earlier runs included. */
  readonly calls: () => number;
  readonly onCommit: () => void;
}

/** More before the end of a list do not help. */
const maxRestarts = 10;

/** What the parts of a run share. */
export class ExportSession {
  readonly files: ExportFiles;
  readonly client: GatewayClient;
  readonly pauses: Pauses;
  readonly isStaff: boolean;
  readonly following: Following | undefined;
  readonly #options: ExportSessionOptions;
  #restarts = 0;

  constructor(options: ExportSessionOptions) {
    this.#options = options;
    const { files, client, pauses, isStaff, following } = options;
    this.files = files;
    this.client = client;
    this.pauses = pauses;
    this.isStaff = isStaff;
    this.following = following;
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
    if (this.following?.index.recordIfChanged(kind, object) === false) return false;
    this.files.add(kind, { ...object, exportedAt });
    return true;
  }

  addDeletion(kind: ExportKind, id: string): void {
    const index = this.following?.index;
    if (index?.has(kind, id) !== true) return;
    index.delete(kind, id);
    this.files.add(kind, { id, deleted: true, exportedAt: this.now() });
  }

  /** Whether another object can be read while some objects cannot: one call. */
  isAvailable(list: ListName): Promise<boolean> {
    return this.client.succeeds({ document: availabilityDocument(list), bypassesCache: true });
  }

  /** Throws unless the list can be read from its beginning again, because its cursor was rejected. */
  allowRestart(error: unknown): undefined {
    if (!(error instanceof CursorRejectedError) || this.#restarts === maxRestarts) throw error;
    this.#restarts += 1;
    return undefined;
  }

  /** A list was read completely. */
  allowRestartsAgain(): void {
    this.#restarts = 0;
  }

  async commit(change: Partial<ExportState> = {}): Promise<void> {
    const live = this.following === undefined ? {} : { live: this.following.changes.state() };
    await this.files.commit({ ...change, ...live, calls: this.#options.calls() });
    this.#options.onCommit();
  }
}
