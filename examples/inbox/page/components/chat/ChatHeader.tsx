import type { ReactNode, Ref } from 'react';
import { useEffect, useRef } from 'react';
import type { ChatRating, ChatRowFragment } from '../../gql/graphql.ts';
import type { Address } from '../../state/address.ts';
import { hrefOf, isSnoozed } from '../../state/address.ts';
import { moment } from '../../text/dates.ts';
import { t } from '../../text/index.ts';
import { customerName } from '../../text/names.ts';
import { Icon } from '../Icon.tsx';
import { focusRow } from '../list/rowFocus.ts';

interface Properties {
  readonly chat: ChatRowFragment | undefined;
  readonly rating: ChatRating | null;
  readonly address: Address;
  readonly isToolbarOpen: boolean;
  readonly onToolbar: () => void;
  readonly isCardOpen: boolean;
  readonly onCard: () => void;
  readonly cardToggle: Ref<HTMLButtonElement>;
  readonly onClose: () => void;
}

function Facts({ chat, rating }: Pick<Properties, 'rating'> & { readonly chat: ChatRowFragment }) {
  const { status, snoozedUntil } = chat;
  return (
    <p>
      <span className="status" data-status={status}>
        {t.status[status]}
      </span>
      {isSnoozed(chat) && snoozedUntil !== null && (
        <span>{t.snoozedUntil(moment(snoozedUntil))}</span>
      )}
      {rating !== null && <span>{t.rating[rating]}</span>}
    </p>
  );
}

interface ToggleProperties {
  readonly target: 'toolbar' | 'card';
  readonly label: string;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
  readonly button?: Ref<HTMLButtonElement>;
  readonly children: ReactNode;
}

/** Opens a part of the chat that small screens hide. */
const Toggle = ({ target, label, isOpen, onToggle, button, children }: ToggleProperties) => (
  <button
    ref={button ?? null}
    type="button"
    className={`${target}-toggle`}
    aria-expanded={isOpen}
    aria-controls={target}
    aria-label={label}
    onClick={onToggle}
  >
    {children}
  </button>
);

/** Also shown while the chat is loaded or cannot be loaded, because it contains the way back. */
export function ChatHeader(properties: Properties) {
  const { chat, rating, address, isToolbarOpen, isCardOpen } = properties;
  const title = useRef<HTMLHeadingElement>(null);
  // On small screens the chat replaces the list, so the focus moves to it, and back to the row.
  useEffect(() => {
    if (!window.matchMedia('(max-width: 47.9rem)').matches) return undefined;
    title.current?.focus();
    return () => focusRow(address.chatId ?? '');
  }, []);
  return (
    <div className="chat-head">
      <a
        className="square back"
        href={hrefOf({ ...address, chatId: undefined })}
        aria-label={t.backToList}
      >
        <Icon name="back" />
      </a>
      <div className="who">
        <h2 ref={title} tabIndex={-1} dir="auto">
          {chat === undefined ? t.chatWithId(address.chatId ?? '') : customerName(chat.customer)}
        </h2>
        {chat !== undefined && <Facts chat={chat} rating={rating} />}
      </div>
      {chat !== undefined && (
        <div className="actions">
          <button
            type="button"
            className="primary"
            aria-label={t.closeChat}
            aria-disabled={chat.status === 'CLOSED'}
            onClick={properties.onClose}
          >
            <Icon name="check" />
            <span className="wide">{t.closeChat}</span>
          </button>
          <Toggle
            target="toolbar"
            label={t.actions}
            isOpen={isToolbarOpen}
            onToggle={properties.onToolbar}
          >
            <Icon name="more" />
          </Toggle>
          <Toggle
            target="card"
            label={t.customer}
            isOpen={isCardOpen}
            onToggle={properties.onCard}
            button={properties.cardToggle}
          >
            <Icon name="person" />
            <span className="wide">{t.customer}</span>
          </Toggle>
        </div>
      )}
    </div>
  );
}
