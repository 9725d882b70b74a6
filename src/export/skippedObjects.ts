import type { GraphqlError } from './failures.ts';
import { permanentFailure, readFailureOf } from './failures.ts';
import { ExportError } from './options.ts';
import type { ExportState, ListName, PendingMessages, SkippedChat } from './state.ts';

/** So many in succession are not single chats that cannot be read. */
const maxInSuccession = 100;

/** With one entry for each chat, of which the older one knows fewer messages. */
export function mergeSkipped(
  before: readonly SkippedChat[],
  added: readonly SkippedChat[],
): SkippedChat[] {
  const known = new Set(before.map(({ chatId }) => chatId));
  return [...before, ...added.filter(({ chatId }) => !known.has(chatId))];
}

/** Reads the messages of a skipped chat again. The file can lack some that are older than others in it. */
export const pendingOfSkipped = ({ chatId, known }: SkippedChat): PendingMessages => ({
  ...{ chatId, after: null, known, isRestarted: true },
});

/** Decides which chats or customers are skipped because they, or their messages, cannot be read. */
export class SkippedObjects {
  readonly #list: ListName;
  readonly #attempts = new Map<string, number>();
  #inSuccession = 0;

  constructor(list: ListName) {
    this.#list = list;
  }

  /** The code of the error because of which the object is skipped; undefined if it is read again. */
  recordFailure(id: string, errors: readonly GraphqlError[]): string | undefined {
    const unreadable = readFailureOf(errors);
    if (unreadable === undefined) return undefined;
    const { code, maxAttempts } = unreadable;
    const attempts = (this.#attempts.get(id) ?? 0) + 1;
    this.#attempts.set(id, attempts);
    if (attempts < maxAttempts) return undefined;
    this.#inSuccession += 1;
    if (this.#inSuccession >= maxInSuccession)
      throw permanentFailure(errors) ?? unreadableError(this.#list, code);
    return code;
  }

  forget(id: string): void {
    this.#attempts.delete(id);
  }

  succeeded(): void {
    this.#inSuccession = 0;
  }
}

const unreadableError = (list: ListName, code: string) =>
  new ExportError(
    'UNAVAILABLE',
    `The data of ${maxInSuccession} ${list} in succession cannot be read (${code}). Run the export again; it continues.`,
  );

const maxNamed = 20;

function namesOf(objects: readonly { readonly id: string; readonly code: string }[]): string {
  const named = objects.slice(0, maxNamed).map(({ id, code }) => `${id} (${code})`);
  const more = objects.length > maxNamed ? ` and ${objects.length - maxNamed} more` : '';
  return `${named.join(', ')}${more}`;
}

/** The chats and customers that could not be read. */
export const skippedOf = ({ skipped, skippedCustomers }: ExportState) => ({
  skippedChats: skipped.map(({ chatId, code }) => ({ id: chatId, code })),
  skippedCustomers: skippedCustomers.map(({ customerId, code }) => ({ id: customerId, code })),
});

/** Undefined if nothing was skipped. */
export function incompleteError(state: ExportState): ExportError | undefined {
  const { skippedChats, skippedCustomers } = skippedOf(state);
  const reasons = [
    ...(skippedChats.length > 0
      ? [`These chats or their messages cannot be read: ${namesOf(skippedChats)}.`]
      : []),
    ...(skippedCustomers.length > 0
      ? [`These customers cannot be read: ${namesOf(skippedCustomers)}.`]
      : []),
  ];
  if (reasons.length === 0) return undefined;
  return new ExportError(
    'INCOMPLETE',
    `${reasons.join(' ')} Everything else is exported. Run the export again; it tries them again.`,
  );
}
