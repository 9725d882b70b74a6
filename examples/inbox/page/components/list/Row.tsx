import type { ChatRowFragment } from '../../gql/graphql.ts';
import { isSnoozed } from '../../state/address.ts';
import { fullTime, moment, when } from '../../text/dates.ts';
import { t } from '../../text/index.ts';
import { assigneeName, customerName } from '../../text/names.ts';
import { plainText } from '../../text/plainText.ts';
import { Avatar } from '../Avatar.tsx';
import { Icon } from '../Icon.tsx';

interface Properties {
  readonly chat: ChatRowFragment;
  readonly href: string;
  readonly isOpen: boolean;
  readonly isStop: boolean;
  /** The chat has left the list, and stays visible until the rows may move. */
  readonly isLeaving: boolean;
}

export function Row({ chat, href, isOpen, isStop, isLeaving }: Properties) {
  const { id, status, customer, lastMessageAt, lastMessageText, assignee, snoozedUntil } = chat;
  const name = customerName(customer);
  const isUnread = chat.readByAgent === false;
  return (
    <li>
      <a
        href={href}
        data-chat={id}
        className="row"
        data-unread={isUnread}
        data-leaving={isLeaving}
        aria-current={isOpen ? 'page' : undefined}
        tabIndex={isStop ? 0 : -1}
      >
        <Avatar name={name} seed={customer?.id ?? id} />
        <span className="name" dir="auto">
          {isUnread && <span className="unseen">{t.unreadMark}</span>}
          {name}
        </span>
        {lastMessageAt !== null && (
          <time dateTime={lastMessageAt} title={fullTime(lastMessageAt)}>
            {when(lastMessageAt)}
          </time>
        )}
        <span className="said" dir="auto">
          {lastMessageText === null ? t.noMessage : plainText(lastMessageText)}
        </span>
        {isUnread && <span className="mark" aria-hidden="true" />}
        <span className="facts">
          <span className="status" data-status={status}>
            {t.status[status]}
          </span>
          {isSnoozed(chat) && snoozedUntil !== null && (
            <span className="snoozed" title={t.snoozedUntil(moment(snoozedUntil))}>
              <Icon name="clock" />
              <span className="unseen">{t.view.snoozed}</span>
            </span>
          )}
          <span className="assignee" dir="auto">
            {assigneeName(assignee)}
          </span>
        </span>
      </a>
    </li>
  );
}
