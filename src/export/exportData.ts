import { z } from 'zod';
import { systemClock } from '../lib/clock.ts';
import { Credentials } from './credentials.ts';
import { PendingChanges } from './pendingChanges.ts';
import { organizationDocument, viewerDocument } from './documents.ts';
import { ExportFiles, fileNameOf } from './exportFiles.ts';
import { ExportIndex } from './exportIndex.ts';
import { replaceFile } from './fileAccess.ts';
import { Follower } from './follow.ts';
import { decode, GatewayClient } from './gatewayClient.ts';
import { ListWalk } from './listWalk.ts';
import { LiveEvents } from './liveEvents.ts';
import { MessageReader } from './messageReader.ts';
import type { ExportKind, ExportOptions, ExportProgress, ExportSummary } from './options.ts';
import { ExportError, exportKinds } from './options.ts';
import { Pauses } from './pauses.ts';
import { CallCounter, progressOf } from './progress.ts';
import type { Following } from './session.ts';
import { ExportSession } from './session.ts';
import type { ExportSelection } from './settings.ts';
import { selectionOf } from './settings.ts';
import { incompleteError, skippedOf } from './skippedObjects.ts';
import { linesOf, stateError } from './state.ts';
import { referenceSchema, roleSchema } from './values.ts';

const viewerSchema = z.object({
  viewer: z.object({ role: roleSchema, customer: referenceSchema.nullish() }),
});
const organizationSchema = z.object({ organization: referenceSchema.nullish() });

type Viewer = z.infer<typeof viewerSchema>['viewer'];

const manifestFileName = 'manifest.json';

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
  readonly #credentials: Credentials;
  readonly #client: GatewayClient;
  readonly #pauses: Pauses;
  readonly #stop = new AbortController();
  #kinds: readonly ExportKind[] = [];
  #phase: ExportProgress['phase'] = 'list';
  #isListed = false;

  constructor(options: ExportOptions, files: ExportFiles) {
    const { clock = systemClock } = options;
    const { signal } = this.#stop;
    this.#options = options;
    this.#files = files;
    this.#counter = new CallCounter(clock, files.state.calls);
    this.#pauses = new Pauses(clock, signal);
    this.#credentials = new Credentials(options.token);
    this.#client = new GatewayClient({
      url: files.state.selection.url,
      credentials: this.#credentials,
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
    if (session.following === undefined) await this.#list(session);
    else await this.#follow(session, session.following);
    const { state } = this.#files;
    const incomplete = incompleteError(state);
    if (incomplete !== undefined) throw incomplete;
    return { lines: linesOf(state), calls: state.calls };
  }

  async #openSession(selection: ExportSelection): Promise<ExportSession> {
    const files = this.#files;
    const { viewer } = decode(
      viewerSchema,
      await this.#client.execute({ document: viewerDocument }),
    );
    const { role, completedAt, pending, skipped } = files.state;
    if (role !== null && role !== viewer.role)
      throw stateError(`The export was started as ${role}; the token is that of ${viewer.role}.`);
    const isComplete = completedAt !== null && pending.length === 0 && skipped.length === 0;
    const isRead = !isComplete || this.#options.follow === true;
    const owner = isRead ? await this.#ownerFor(viewer) : files.state.owner;
    const isStaff = viewer.role !== 'CUSTOMER';
    const kinds = kindsFor(selection, isStaff);
    this.#kinds = kinds;
    await files.openKinds(kinds);
    await files.commit({ role: viewer.role, owner, calls: this.#counter.total });
    const following =
      this.#options.follow === true
        ? { index: new ExportIndex(), changes: new PendingChanges(files.state.live) }
        : undefined;
    await following?.index.load(files);
    return new ExportSession({
      files,
      client: this.#client,
      pauses: this.#pauses,
      clock: this.#options.clock ?? systemClock,
      kinds,
      isStaff,
      following,
      calls: () => this.#counter.total,
      onCommit: () => this.#reportProgress(false),
    });
  }

  /** One gateway can serve several accounts, whose objects can have equal ids. Throws if the export has data of another one. */
  async #ownerFor(viewer: Viewer): Promise<string | null> {
    const known = this.#files.state.owner;
    const owner = viewer.customer ? `customer ${viewer.customer.id}` : await this.#organization();
    if (known !== null && owner !== null && known !== owner)
      throw stateError(`The export has data of ${known}; the token is that of ${owner}.`);
    return owner ?? known;
  }

  /** Null if the gateway does not tell. */
  async #organization(): Promise<string | null> {
    try {
      const data = await this.#client.execute({ document: organizationDocument });
      const { organization } = decode(organizationSchema, data);
      return organization ? `organization ${organization.id}` : null;
    } catch (error) {
      // Not every gateway offers it, and not every key may read it.
      const isRefused =
        error instanceof ExportError && ['REJECTED', 'CREDENTIALS'].includes(error.code);
      if (isRefused) return null;
      throw error;
    }
  }

  async #list(session: ExportSession): Promise<MessageReader> {
    const messages = new MessageReader(session);
    await new ListWalk(session, messages).run();
    this.#isListed = true;
    await this.#finish(session);
    return messages;
  }

  async #finish(session: ExportSession): Promise<void> {
    const { completedAt, skipped } = session.state;
    if (completedAt === null && skipped.length === 0)
      await session.commit({ completedAt: session.now() });
    await this.#writeManifest(session);
  }

  /** Subscribes before the lists are read, so that no change is between the two. Ends when the export is stopped. */
  async #follow(session: ExportSession, following: Following): Promise<void> {
    const { changes } = following;
    const isFirstRun = Object.values(linesOf(session.state)).every((lines) => lines === 0);
    // Finds changes that have no event, too.
    if (!isFirstRun) changes.missed();
    this.#stop.signal.addEventListener('abort', () => changes.wake(), { once: true });
    const live = this.#liveEvents(session, changes, isFirstRun);
    let onStarted = (): void => undefined;
    const started = new Promise<void>((resolve) => {
      onStarted = resolve;
    });
    const receiving = live.run(() => onStarted());
    const applying = Promise.race([started, receiving]).then(() =>
      this.#applyChanges(session, following),
    );
    try {
      await Promise.race([receiving, applying]);
    } catch (error) {
      this.#stop.abort();
      await Promise.allSettled([receiving, applying]);
      const isStopped = error instanceof ExportError && error.code === 'INTERRUPTED';
      const isListed = this.#isListed || session.state.completedAt !== null;
      if (!isStopped || !isListed) throw error;
      await this.#finish(session);
    }
  }

  async #applyChanges(session: ExportSession, { index, changes }: Following): Promise<never> {
    await session.commit();
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

  #liveEvents(session: ExportSession, changes: PendingChanges, isFirstRun: boolean): LiveEvents {
    const { clock = systemClock } = this.#options;
    const { signal } = this.#stop;
    return new LiveEvents({
      url: session.state.selection.url,
      credentials: this.#credentials,
      clock,
      signal,
      pauses: new Pauses(clock, signal),
      changes,
      lists: (['chats', 'customers'] as const).filter((list) => session.exports(list)),
      isFirstRun,
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
      ...{ startedAt, completedAt, calls, files, ...skippedOf(state) },
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
    const summary = await run.run(selection);
    await files.close();
    return summary;
  } catch (error) {
    // The first error is the reason of the others.
    await files.close().catch(() => undefined);
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', stop);
  }
}
