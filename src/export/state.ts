import { z } from 'zod';
import type { ExportKind } from './options.ts';
import { ExportError, exportKinds } from './options.ts';
import type { ExportSelection } from './settings.ts';
import { eventIdSchema, idSchema, roleSchema } from './values.ts';

const ids = z.array(idSchema);
const count = z.number().int().nonnegative();
const kind = z.enum(exportKinds);

const listSchema = z.object({
  /** The last row that is in the file. */
  cursor: z.string().nullable(),
  isDone: z.boolean(),
  /** The number of rows when the list was started. */
  total: count.nullable(),
  /** Whether it is read from its beginning again, without the rows that are in the file. */
  isRestarted: z.boolean().optional(),
  /** The rows without a sort key, which are rare, if the rows are not in a file. */
  unsorted: ids.optional(),
});

/** The newest known message of a chat: its second, the ids of the messages of that second, and those without a time, which are rare. */
const knownMessagesSchema = z.object({ second: z.number(), ids, untimed: ids.default([]) });

const pendingSchema = z.object({
  chatId: idSchema,
  /** The last message that is in the file; null before the first page. */
  after: z.string().nullable(),
  /** Only newer messages are read. */
  known: knownMessagesSchema.optional(),
  /** Of the row of the chat. */
  lastMessageId: z.string().optional(),
  /** Whether the cache of the gateway may lack its latest messages. */
  isStale: z.boolean().optional(),
  /** Whether some of its messages may already be in the file. */
  isRestarted: z.boolean().optional(),
});

const skippedSchema = pendingSchema.pick({ chatId: true, known: true }).extend({
  /** Why its messages could not be read. */
  code: z.string(),
});

const skippedCustomerSchema = z.object({ customerId: idSchema, code: z.string() });

/** Of an export that follows changes. */
const liveSchema = z.object({
  /** The last event of each subscription. All changes until then are exported or contained in `chats` and `customers`. */
  lastEventIds: z.object({ chats: eventIdSchema.optional(), customers: eventIdSchema.optional() }),
  /** Ids of changed chats, and whether messages may have been added. */
  chats: z.array(z.tuple([idSchema, z.boolean()])),
  customers: ids,
  /** Whether further changes are unknown. */
  hasGap: z.boolean(),
});

const fileSchema = z.object({ bytes: count, lines: count });

const stateSchema = z.object({
  version: z.literal(1),
  selection: z.object({
    url: z.string(),
    kinds: z.array(kind).optional(),
    filter: z.record(z.string(), z.record(z.string(), z.unknown())),
    since: z.string().optional(),
    gzip: z.boolean(),
  }),
  role: roleSchema.nullable(),
  /** The customer or the organization whose data it is; null if it is not known. */
  owner: z.string().nullable().default(null),
  startedAt: z.string(),
  /** Null while the lists are read. */
  completedAt: z.string().nullable(),
  calls: count,
  doneKinds: z.array(kind),
  lists: z.object({ chats: listSchema, customers: listSchema }),
  /** Chats whose messages are not in the file yet. */
  pending: z.array(pendingSchema),
  /** Chats that, or whose messages, could not be read. */
  skipped: z.array(skippedSchema).default([]),
  /** Changed customers that could not be read. */
  skippedCustomers: z.array(skippedCustomerSchema).default([]),
  live: liveSchema.optional(),
  files: z.object({
    agents: fileSchema,
    departments: fileSchema,
    customers: fileSchema,
    chats: fileSchema,
    messages: fileSchema,
  }),
});

/** Everything that is needed to continue. It does not grow with the account, but with changes that are not exported yet. */
export type ExportState = z.infer<typeof stateSchema>;
export type PendingMessages = z.infer<typeof pendingSchema>;
export type SkippedChat = z.infer<typeof skippedSchema>;
export type LiveState = z.infer<typeof liveSchema>;
export type KnownMessages = z.infer<typeof knownMessagesSchema>;
export type ListName = keyof ExportState['lists'];

const newList = { cursor: null, isDone: false, total: null };
const newFile = { bytes: 0, lines: 0 };

/** Removes undefined properties, as JSON does, so that selections can be compared. */
const toStored = ({ url, kinds, filter, since, gzip }: ExportSelection) => ({
  url,
  ...(kinds !== undefined && { kinds: [...kinds] }),
  filter: {
    ...(filter.chats !== undefined && { chats: { ...filter.chats } }),
    ...(filter.customers !== undefined && { customers: { ...filter.customers } }),
  },
  ...(since !== undefined && { since }),
  gzip,
});

export const createState = (selection: ExportSelection, startedAt: string): ExportState => ({
  version: 1,
  selection: toStored(selection),
  role: null,
  owner: null,
  startedAt,
  completedAt: null,
  calls: 0,
  doneKinds: [],
  lists: { chats: newList, customers: newList },
  pending: [],
  skipped: [],
  skippedCustomers: [],
  files: {
    agents: newFile,
    departments: newFile,
    customers: newFile,
    chats: newFile,
    messages: newFile,
  },
});

export const stateError = (message: string, cause?: unknown) =>
  new ExportError('STATE', message, { cause });

/** Reads the state of an earlier run. Throws if it belongs to another export. */
export function parseState(text: string, selection: ExportSelection, file: string): ExportState {
  const state = stateSchema.safeParse(parseJsonOrNull(text));
  if (!state.success) {
    const path = state.error.issues[0]?.path ?? [];
    const place = path.length === 0 ? 'JSON' : path.join('.');
    throw stateError(
      `${file}: cannot be read by this version (${place}). Choose an empty directory.`,
    );
  }
  const [stored, given] = [state.data.selection, toStored(selection)];
  for (const name of ['url', 'kinds', 'filter', 'since', 'gzip'] as const) {
    if (JSON.stringify(stored[name]) !== JSON.stringify(given[name]))
      throw stateError(
        `${file}: was written with ${name} ${JSON.stringify(stored[name] ?? 'unset')}, not ${JSON.stringify(given[name] ?? 'unset')}. Use the same options or an empty directory.`,
      );
  }
  return state.data;
}

function parseJsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export const linesOf = ({ files }: ExportState): Readonly<Record<ExportKind, number>> => ({
  agents: files.agents.lines,
  departments: files.departments.lines,
  customers: files.customers.lines,
  chats: files.chats.lines,
  messages: files.messages.lines,
});
