import { Fragment, useLayoutEffect, useMemo, useRef } from 'react';
import type { MessageLineFragment } from './gql/graphql.ts';
import { dayOf, labelOf, timeOfDay } from './words.ts';

const Text = ({ text }: { readonly text: string }) =>
  text.split(/(https?:\/\/[^\s]*[^\s.,;:!?)])/).map((part, place) =>
    place % 2 === 0 ? (
      part
    ) : (
      <a key={place} href={part} rel="noreferrer" target="_blank">
        {part}
      </a>
    ),
  );

const groupingMs = 300_000;

/** Whether two messages belong to one group of the same author. */
function isJoined(a: MessageLineFragment | undefined, b: MessageLineFragment | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  const isSame = a.from === b.from && a.type === b.type && a.agent?.id === b.agent?.id;
  const isKnown = a.createdAt !== null && b.createdAt !== null;
  return isSame && isKnown && Date.parse(b.createdAt) - Date.parse(a.createdAt) < groupingMs;
}

interface MessageProperties {
  readonly message: MessageLineFragment;
  readonly customer: string;
  readonly isContinuation: boolean;
  readonly isLast: boolean;
}

function Message({ message, customer, isContinuation, isLast }: MessageProperties) {
  const { from, type, text, createdAt, agent, edited } = message;
  if (type === 'TECH') {
    return <li className="tech">{labelOf(text ?? '')}</li>;
  }
  const author = from === 'CUSTOMER' ? customer : (agent?.name ?? 'Team');
  return (
    <li className="message" data-from={from} data-type={type} data-joined={isContinuation}>
      <p className={isContinuation ? 'by unseen' : 'by'}>
        <span dir="auto">{author}</span>
        {type === 'PRIVATE' && ' · private note'}
        {type === 'EMAIL' && ' · by e-mail'}
      </p>
      <p className="text" dir="auto">
        {text === null ? <em>No text</em> : <Text text={text} />}
      </p>
      <p className={isLast ? 'at' : 'at unseen'}>
        {createdAt !== null && <time dateTime={createdAt}>{timeOfDay(createdAt)}</time>}
        {edited === true && ' · edited'}
      </p>
    </li>
  );
}

interface Properties {
  readonly customer: string;
  /** Newest first. */
  readonly messages: readonly MessageLineFragment[];
  readonly onOlder: (() => Promise<unknown>) | undefined;
}

export function Conversation({ customer, messages, onOlder }: Properties) {
  const scroller = useRef<HTMLDivElement>(null);
  const fromEnd = useRef(0);
  const lines = useMemo(() => messages.toReversed(), [messages]);

  // Keep the scroll position relative to the end when messages are added.
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box !== null) box.scrollTop = box.scrollHeight - box.clientHeight - fromEnd.current;
  }, [lines]);

  return (
    <div
      ref={scroller}
      className="talk"
      role="region"
      aria-label="Messages"
      tabIndex={0}
      onScroll={({ currentTarget: { scrollHeight, clientHeight, scrollTop } }) =>
        (fromEnd.current = Math.max(0, scrollHeight - clientHeight - scrollTop))
      }
    >
      {onOlder !== undefined && (
        <button type="button" className="quiet more" onClick={() => void onOlder()}>
          Earlier messages
        </button>
      )}
      {lines.length === 0 && <p className="empty">No messages yet.</p>}
      <ol>
        {lines.map((message, place) => {
          const day = message.createdAt === null ? null : dayOf(message.createdAt);
          const before = lines[place - 1];
          return (
            <Fragment key={message.id}>
              {day !== null && (!before?.createdAt || dayOf(before.createdAt) !== day) && (
                <li className="day">{day}</li>
              )}
              <Message
                message={message}
                customer={customer}
                isContinuation={isJoined(before, message)}
                isLast={!isJoined(message, lines[place + 1])}
              />
            </Fragment>
          );
        })}
      </ol>
    </div>
  );
}
