import { z } from 'zod';
import { systemClock } from '../lib/clock.ts';
import { PendingChanges } from './pendingChanges.ts';
import { viewerDocument } from './documents.ts';
import { ExportFiles, fileNameOf, replaceFile } from './exportFiles.ts';
import { ExportIndex } from './exportIndex.ts';
import { Follower } from './follow.ts';
import { GatewayClient } from './gatewayClient.ts';
import { ListWalk } from './listWalk.ts';
import { LiveEvents } from './liveEvents.ts';
import { MessageReader } from './messageReader.ts';
import type { ExportKind, ExportOptions, ExportProgress, ExportSummary } from './options.ts';
import { ExportError, exportKinds } from './options.ts';
import { Pauses } from './pauses.ts';
import { CallCounter, progressOf } from './progress.ts';
import { ExportSession } from './session.ts';
import type { ExportSelection } from './settings.ts';
import { selectionOf } from './settings.ts';
import { linesOf, stateError } from './state.ts';

const viewerSchema = z.object({ viewer: z.object({ role: z.string() }) });

export const manifestFileName = 'manifest.json';

/** The kinds that a customer may read. */
const customerKinds: readonly ExportKind[] = ['agents', 'customers', 'chats', 'messages'];

function kindsFor(selection: ExportSelection, isStaff: boolean): readonly ExportKind[] {
  const { kinds } = selection;
  if (isStaff) return kinds ?? exportKinds;
  const forbidden = kinds?.find((kind) => !customerKinds.includes(kind));
  if (forbidden !== undefined)
    throw new ExportError('REJECTED', `kinds: ${forbidden} is not available to customers.`);
  return kinds ?? customerKinds;
}

/** How long changes are collected before they are read. */
const collectMs = 1_000;

/** One run of an export. */
class ExportRun {
  readonly #options: ExportOptions;
  readonly #files: ExportFiles;
  readonly #counter: CallCounter;
  readonly #client: GatewayClient;
  readonly #pauses: Pauses;
  readonly #stop = new AbortController();
  #kinds: readonly ExportKind[] = [];
  #phase: ExportProgress['phase'] = 'list';

  constructor(options: ExportOptions, files: ExportFiles) {
    const { clock = systemClock, token } = options;
    const { signal } = this.#stop;
    this.#options = options;
    this.#files = files;
    this.#counter = new CallCounter(clock, files.state.calls);
    this.#pauses = new Pauses(clock, signal);
    this.#client = new GatewayClient({
      url: files.state.selection.url,
      token,
      clock,
      signal,
      pauses: this.#pauses,
      onCalls: (calls) => this.#counter.add(calls),
    });
  }

  stop(): void {
    this.#stop.abort();
  }

  async run(selection: ExportSelection): Promise<ExportSummary> {
    const session = await this.#openSession(selection);
    if (session.index === undefined) await this.#list(session);
    else await this.#follow(session, session.index);
    const { state } = this.#files;
    return { lines: linesOf(state), calls: state.calls };
  }

  async #openSession(selection: ExportSelection): Promise<ExportSession> {
    const files = this.#files;
    const { viewer } = viewerSchema.parse(await this.#client.execute({ document: viewerDocument }));
    const { role } = files.state;
    if (role !== null && role !== viewer.role)
      throw stateError(`The export was started as ${role}; the token is that of ${viewer.role}.`);
    const isStaff = viewer.role !== 'CUSTOMER';
    const kinds = kindsFor(selection, isStaff);
    this.#kinds = kinds;
    await files.openKinds(kinds);
    await files.commit({ role: viewer.role });
    const index = this.#options.follow === true ? new ExportIndex() : undefined;
    await index?.load(files);
    return new ExportSession({
      files,
      client: this.#client,
      pauses: this.#pauses,
      clock: this.#options.clock ?? systemClock,
      kinds,
      isStaff,
      index,
      calls: () => this.#counter.total,
      onCommit: () => this.#reportProgress(false),
    });
  }

  async #list(session: ExportSession): Promise<MessageReader> {
    const messages = new MessageReader(session);
    await new ListWalk(session, messages).run();
    if (session.state.completedAt === null) await session.commit({ completedAt: session.now() });
    await this.#writeManifest(session);
    return messages;
  }

  /** Subscribes before the lists are read, so that no change is between the two. Ends when the export is stopped. */
  async #follow(session: ExportSession, index: ExportIndex): Promise<void> {
    const changes = new PendingChanges();
    // What changed between an earlier run and this one is not known.
    if (Object.values(linesOf(session.state)).some((lines) => lines > 0)) changes.missed();
    this.#stop.signal.addEventListener('abort', () => changes.wake(), { once: true });
    const live = this.#liveEvents(session, changes);
    let onStarted = (): void => undefined;
    const started = new Promise<void>((resolve) => {
      onStarted = resolve;
    });
    const receiving = live.run(() => onStarted());
    const applying = Promise.race([started, receiving]).then(() =>
      this.#applyChanges(session, index, changes),
    );
    try {
      await Promise.race([receiving, applying]);
    } catch (error) {
      this.#stop.abort();
      await Promise.allSettled([receiving, applying]);
      const isStopped = error instanceof ExportError && error.code === 'INTERRUPTED';
      if (!isStopped || session.state.completedAt === null) throw error;
      await this.#writeManifest(session);
    }
  }

  async #applyChanges(
    session: ExportSession,
    index: ExportIndex,
    changes: PendingChanges,
  ): Promise<never> {
    const messages = await this.#list(session);
    this.#phase = 'follow';
    const follower = new Follower({ session, index, messages, changes });
    for (;;) {
      if (changes.isEmpty) this.#reportProgress(true);
      // The signal that wakes it may have been aborted before.
      this.#pauses.throwIfStopped();
      await changes.wait();
      this.#reportProgress(false);
      // Changes of one object often arrive together.
      await this.#pauses.wait(collectMs);
      await follower.flush();
    }
  }

  #liveEvents(session: ExportSession, changes: PendingChanges): LiveEvents {
    const { clock = systemClock, token } = this.#options;
    const { signal } = this.#stop;
    return new LiveEvents({
      url: session.state.selection.url,
      token,
      clock,
      signal,
      pauses: new Pauses(clock, signal),
      events: (['chats', 'customers'] as const).filter((kind) => session.exports(kind)),
      sink: {
        chatChanged: (id, change) => changes.chatChanged(id, change === 'MESSAGE'),
        customerChanged: (id) => changes.customerChanged(id),
        missed: () => changes.missed(),
      },
    });
  }

  #reportProgress(isUpToDate: boolean): void {
    const { onProgress } = this.#options;
    const exports = (kind: ExportKind) => this.#kinds.includes(kind);
    const options = { phase: this.#phase, isUpToDate, exports };
    onProgress?.(progressOf(this.#files.state, this.#counter, options));
  }

  async #writeManifest({ state }: ExportSession): Promise<void> {
    const { startedAt, completedAt, calls, selection } = state;
    const kinds = exportKinds.filter((kind) => this.#kinds.includes(kind));
    const files = kinds.map((kind) => ({
      kind,
      file: fileNameOf(kind, selection.gzip),
      ...state.files[kind],
    }));
    const { url, filter, since, gzip } = selection;
    const manifest = {
      version: 1,
      ...{ url, filter, since, gzip },
      ...{ startedAt, completedAt, calls, files },
    };
    const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
    await replaceFile(this.#files.directory, manifestFileName, text);
  }
}

/**
 * Exports chats with their messages, customers and the team of an account to files with one JSON object per line, through the GraphQL
 * endpoint of a gateway. Continues an export that was interrupted. With `follow` it resolves when `signal` is aborted.
 * Rejects with an `ExportError`.
 */
export async function exportData(options: ExportOptions): Promise<ExportSummary> {
  const selection = selectionOf(options);
  const { clock = systemClock } = options;
  const startedAt = new Date(clock.now()).toISOString();
  const files = await ExportFiles.open(options.directory, selection, startedAt);
  const run = new ExportRun(options, files);
  const stop = () => run.stop();
  options.signal?.addEventListener('abort', stop, { once: true });
  if (options.signal?.aborted === true) stop();
  try {
    return await run.run(selection);
  } finally {
    options.signal?.removeEventListener('abort', stop);
    await files.close();
  }
}
