import { Fragment, useMemo, useRef } from 'react';
import type { ChatRowFragment, MessageLineFragment } from '../../gql/graphql.ts';
import type { OutgoingMessage } from '../../state/outbox.ts';
import { isSameMessage, outbox } from '../../state/outbox.ts';
import { useSignal } from '../../state/signal.ts';
import type { StatusChange } from '../../state/statusChanges.ts';
import { statusChanges } from '../../state/statusChanges.ts';
import { dayOf, timeOfDay } from '../../text/dates.ts';
import { t } from '../../text/index.ts';
import { Icon } from '../Icon.tsx';
import { LoadMore } from '../LoadMore.tsx';
import { Message } from './Message.tsx';
import { Outgoing } from './Outgoing.tsx';
import { useReadingPosition } from './readingPosition.ts';
import { useMarkReadWhenSeen } from './seen.ts';

const groupingMs = 300_000;
const sameChangeMs = 10_000;

type Entry =
  | { readonly kind: 'message'; readonly at: string | null; readonly message: MessageLineFragment }
  | { readonly kind: 'change'; readonly at: string; readonly change: StatusChange };

const timeOf = ({ at }: Entry): number => (at === null ? 0 : Date.parse(at));

/** Whether two entries are messages of one group of the same author. */
function isJoined(a: Entry | undefined, b: Entry | undefined): boolean {
  if (a?.kind !== 'message' || b?.kind !== 'message' || a.at === null || b.at === null)
    return false;
  const [first, second] = [a.message, b.message];
  const isSame =
    first.from === second.from &&
    first.type === second.type &&
    first.agent?.id === second.agent?.id;
  return isSame && timeOf(b) - timeOf(a) < groupingMs;
}

/** Oldest first. A status change that this page has seen replaces the system message, which has no details. */
function entriesOf(
  messages: readonly MessageLineFragment[],
  changes: readonly StatusChange[],
): readonly Entry[] {
  const isKnown = ({ text, createdAt }: MessageLineFragment) =>
    text === 'chat_status_changed' &&
    changes.some(({ at }) => Math.abs(at - Date.parse(createdAt ?? '')) < sameChangeMs);
  const entries: Entry[] = messages
    .filter((message) => !isKnown(message))
    .toReversed()
    .map((message) => ({ kind: 'message', at: message.createdAt, message }));
  for (const change of changes) {
    const index = entries.findLastIndex((entry) => timeOf(entry) <= change.at);
    const at = new Date(change.at).toISOString();
    entries.splice(index + 1, 0, { kind: 'change', at, change });
  }
  return entries;
}

interface Properties {
  readonly chatId: string;
  readonly chat: ChatRowFragment | undefined;
  readonly customer: string;
  /** Newest first. */
  readonly messages: readonly MessageLineFragment[];
  /** False while they are read again, so newer ones may be missing. */
  readonly isCurrent: boolean;
  readonly onOlder: (() => Promise<unknown>) | undefined;
}

const Change = ({ change }: { readonly change: StatusChange }) => (
  <li className="tech">
    {t.statusChanged(t.status[change.from], t.status[change.to])}{' '}
    {timeOfDay(new Date(change.at).toISOString())}
  </li>
);

const keyOf = (entry: Entry): string => (entry.kind === 'message' ? entry.message.id : entry.at);

export function Conversation(properties: Properties) {
  const { chatId, chat, customer, messages, isCurrent, onOlder } = properties;
  const box = useRef<HTMLDivElement>(null);
  const changes = useSignal(statusChanges);
  const isConfirmed = (sent: OutgoingMessage) =>
    sent.state === 'sending' && messages.some((found) => isSameMessage(sent, found));
  // The event about a message can arrive before the response of its mutation.
  const outgoing = useSignal(outbox).filter(
    (message) => message.chatId === chatId && !isConfirmed(message),
  );
  const entries = useMemo(
    () =>
      entriesOf(
        messages,
        changes.filter((change) => change.chatId === chatId),
      ),
    [messages, changes, chatId],
  );
  const last = entries.at(-1);
  const { hasNews, onScroll, showEnd } = useReadingPosition({
    box,
    newest: last && keyOf(last),
    entries,
    outgoing: outgoing.length,
  });
  const isShown = isCurrent && !hasNews;
  useMarkReadWhenSeen(chatId, chat?.readByAgent === false, isShown ? messages[0]?.id : undefined);

  return (
    <div
      ref={box}
      className="talk"
      role="region"
      aria-label={t.messages}
      tabIndex={0}
      onScroll={onScroll}
    >
      {onOlder !== undefined && <LoadMore label={t.earlier} load={onOlder} />}
      {entries.length === 0 && outgoing.length === 0 && <p className="empty">{t.noMessages}</p>}
      <ol>
        {entries.map((entry, index) => {
          const before = entries[index - 1];
          const day = entry.at === null ? null : dayOf(entry.at);
          const isNewDay = day !== null && (before?.at == null || dayOf(before.at) !== day);
          return (
            <Fragment key={keyOf(entry)}>
              {isNewDay && <li className="day">{day}</li>}
              {entry.kind === 'change' ? (
                <Change change={entry.change} />
              ) : (
                <Message
                  message={entry.message}
                  chat={chat}
                  customer={customer}
                  isContinuation={!isNewDay && isJoined(before, entry)}
                  isLast={!isJoined(entry, entries[index + 1])}
                />
              )}
            </Fragment>
          );
        })}
        {outgoing.map((message) => (
          <Outgoing key={message.key} message={message} />
        ))}
      </ol>
      {hasNews && (
        <div className="news">
          <button type="button" className="primary" onClick={showEnd}>
            <Icon name="down" /> {t.newMessages}
          </button>
        </div>
      )}
    </div>
  );
}
