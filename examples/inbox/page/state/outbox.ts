import type { ApolloClient } from '@apollo/client';
import { appendMessage, refreshChat } from '../api/live.ts';
import { refreshSummaryNow } from '../api/summary.ts';
import type { MessageLineFragment } from '../gql/graphql.ts';
import { AddNoteDocument, ChatViewDocument, ReplyDocument } from '../gql/graphql.ts';
import { asError, codeOf, isUncertain } from './failures.ts';
import { cancelClose } from './pendingCloses.ts';
import { createStored, isObject } from './storage.ts';

export const messageKinds = ['reply', 'note'] as const;

export type MessageKind = (typeof messageKinds)[number];

/**
 * - `failed`: it was not sent and can be repeated.
 * - `unknown`: it may have been sent, so the chat is read before it can be repeated.
 * - `absent`: it was not found in the chat.
 */
const states = ['sending', 'failed', 'unknown', 'checking', 'absent'] as const;

export interface OutgoingMessage {
  /** The idempotency key, also of a repetition. */
  readonly key: string;
  readonly chatId: string;
  readonly kind: MessageKind;
  readonly text: string;
  readonly agentId: string;
  readonly createdAt: string;
  /** Messages with the same text that are known to be others. */
  readonly otherIds: readonly string[];
  readonly state: (typeof states)[number];
  readonly error?: Error;
}

export const isBusy = ({ state }: Pick<OutgoingMessage, 'state'>): boolean =>
  state === 'sending' || state === 'checking';

function decodeMessage(stored: unknown): readonly OutgoingMessage[] {
  if (!isObject(stored)) return [];
  const { key, chatId, text, agentId, createdAt, otherIds: ids } = stored;
  const kind = messageKinds.find((known) => known === stored['kind']);
  const state = states.find((known) => known === stored['state']) ?? 'unknown';
  if (kind === undefined) return [];
  const texts = { key, chatId, text, agentId, createdAt };
  const isComplete = Object.values(texts).every((value) => typeof value === 'string');
  const otherIds = Array.isArray(ids) ? ids.map(String) : [];
  return isComplete
    ? [{ ...(texts as Record<keyof typeof texts, string>), kind, otherIds, state }]
    : [];
}

/** Messages that are not confirmed yet. They survive a reload, so nothing typed is lost. */
export const outbox = createStored<readonly OutgoingMessage[]>('outbox', (stored) =>
  Array.isArray(stored) ? stored.flatMap(decodeMessage) : [],
);

/** Whether a message was sent before a reload is unknown. Another window that sends it will say so. */
function interrupt(): void {
  const entries = outbox.get();
  if (!entries.some(isBusy)) return;
  outbox.set(entries.map((entry) => (isBusy(entry) ? { ...entry, state: 'unknown' } : entry)));
}

interrupt();

const update = (key: string, values: Partial<OutgoingMessage>): void =>
  outbox.set(outbox.get().map((entry) => (entry.key === key ? { ...entry, ...values } : entry)));

export const discard = (key: string): void =>
  outbox.set(outbox.get().filter((entry) => entry.key !== key));

const documents = { reply: ReplyDocument, note: AddNoteDocument } as const;

/** `id`: the id of the message in the chat. */
function confirm(client: ApolloClient, { key, chatId }: OutgoingMessage, id?: string): void {
  const others = outbox.get().filter((entry) => entry.key !== key);
  const exclude = (entry: OutgoingMessage): OutgoingMessage =>
    id === undefined ? entry : { ...entry, otherIds: [...entry.otherIds, id] };
  outbox.set(others.map((entry) => (entry.chatId === chatId ? exclude(entry) : entry)));
  // The message may have opened or assigned the chat.
  void refreshChat(client, chatId).catch(() => undefined);
  refreshSummaryNow();
}

async function send(client: ApolloClient, message: OutgoingMessage): Promise<void> {
  const { key, chatId, kind, text, agentId } = message;
  update(key, { state: 'sending' });
  // A reply opens a closed chat.
  if (kind === 'reply') cancelClose(chatId);
  try {
    const { data } = await client.mutate({
      mutation: documents[kind],
      variables: { chatId, agentId, text, key },
    });
    if (data?.message != null) appendMessage(client, chatId, data.message);
    confirm(client, message, data?.message?.id);
  } catch (error) {
    // A gateway that has restarted may have lost the key and the first attempt.
    const isKnownKey = codeOf(error) === 'CONFLICT';
    const state = isUncertain(error) || isKnownKey ? 'unknown' : 'failed';
    update(key, { state, error: asError(error) });
  }
}

export const repeat = (client: ApolloClient, message: OutgoingMessage): void =>
  void send(client, message);

type NewMessage = Pick<OutgoingMessage, 'chatId' | 'kind' | 'text' | 'agentId'>;

export function sendMessage(client: ApolloClient, values: NewMessage): void {
  const message = {
    ...values,
    key: crypto.randomUUID(),
    createdAt: new Date().toISOString(),
    otherIds: [],
    state: 'sending',
  } as const;
  const otherIds = knownMessages(client, values.chatId)
    .filter((known) => isSameMessage(message, known))
    .map(({ id }) => id);
  outbox.set([...outbox.get(), { ...message, otherIds }]);
  void send(client, message);
}

/** The messages of a chat that this page has read. */
function knownMessages({ cache }: ApolloClient, id: string): readonly MessageLineFragment[] {
  const data = cache.readQuery({ query: ChatViewDocument, variables: { id } });
  return data?.chat?.messages?.edges.map(({ node }) => node) ?? [];
}

/** The clocks of this computer and HelpCrunch may differ. */
const clockDifferenceMs = 120_000;

export const isSameMessage = (sent: OutgoingMessage, found: MessageLineFragment): boolean =>
  !sent.otherIds.includes(found.id) &&
  found.from === 'AGENT' &&
  (found.type === 'PRIVATE') === (sent.kind === 'note') &&
  found.text?.trim() === sent.text.trim() &&
  (found.agent === null || found.agent.id === sent.agentId) &&
  Date.parse(found.createdAt ?? '') > Date.parse(sent.createdAt) - clockDifferenceMs;

/** Reads the chat to find out whether the message was sent. */
export async function checkMessage(client: ApolloClient, message: OutgoingMessage): Promise<void> {
  const { key, chatId } = message;
  update(key, { state: 'checking' });
  try {
    const { data } = await client.query({
      query: ChatViewDocument,
      variables: { id: chatId },
      fetchPolicy: 'network-only',
    });
    const found = data?.chat?.messages?.edges.find(({ node }) => isSameMessage(message, node));
    if (found !== undefined) confirm(client, message, found.node.id);
    else update(key, { state: 'absent' });
  } catch (error) {
    update(key, { state: 'unknown', error: asError(error) });
  }
}
