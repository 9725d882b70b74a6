import type { ChatRowFragment, MessageLineFragment } from '../../gql/graphql.ts';
import { timeOfDay } from '../../text/dates.ts';
import { t } from '../../text/index.ts';
import { labelOf } from '../../text/labels.ts';
import { agentName } from '../../text/names.ts';
import { Icon } from '../Icon.tsx';
import { Markdown } from './Markdown.tsx';

const sameTimeMs = 2_000;

/** HelpCrunch does not say what has changed, but the chat contains who closed it and when. */
function techText({ text, createdAt }: MessageLineFragment, chat: ChatRowFragment | undefined) {
  const closedAt = Date.parse(chat?.closedAt ?? '');
  const isClosing =
    text === 'chat_status_changed' && Math.abs(closedAt - Date.parse(createdAt ?? '')) < sameTimeMs;
  if (isClosing && chat?.closedBy === 'AGENT') return t.closedByAgent;
  if (isClosing && chat?.closedBy === 'CUSTOMER') return t.closedByCustomer;
  return t.tech[text ?? ''] ?? labelOf(text ?? '');
}

interface Properties {
  readonly message: MessageLineFragment;
  readonly chat: ChatRowFragment | undefined;
  readonly customer: string;
  readonly isContinuation: boolean;
  readonly isLast: boolean;
}

export function Message({ message, chat, customer, isContinuation, isLast }: Properties) {
  const { from, type, text, createdAt, agent, edited } = message;
  if (type === 'TECH') return <li className="tech">{techText(message, chat)}</li>;
  const author = from === 'CUSTOMER' ? customer : agent === null ? t.team : agentName(agent);
  return (
    <li className="message" data-from={from} data-type={type} data-joined={isContinuation}>
      <p className={isContinuation ? 'by unseen' : 'by'}>
        {type === 'PRIVATE' && <Icon name="lock" />}
        <span dir="auto">{author}</span>
        {type === 'PRIVATE' && ` · ${t.privateNote}`}
        {type === 'EMAIL' && ` · ${t.byEmail}`}
      </p>
      <div className="text" dir="auto">
        {text === null ? <em>{t.noText}</em> : <Markdown text={text} />}
      </div>
      <p className={isLast ? 'at' : 'at unseen'}>
        {createdAt !== null && <time dateTime={createdAt}>{timeOfDay(createdAt)}</time>}
        {edited === true && ` · ${t.edited}`}
      </p>
    </li>
  );
}
