import { useApolloClient } from '@apollo/client/react';
import type { KeyboardEvent } from 'react';
import { useLayoutEffect, useRef, useState } from 'react';
import {
  composerKinds,
  readDraft,
  setComposerKind,
  setDraft,
  useDraft,
} from '../../state/drafts.ts';
import type { MessageKind } from '../../state/outbox.ts';
import { messageKinds, sendMessage } from '../../state/outbox.ts';
import { useShortcuts } from '../../state/shortcuts.ts';
import { useSignal } from '../../state/signal.ts';
import { useTeam } from '../../state/team.tsx';
import { t } from '../../text/index.ts';
import { Icon } from '../Icon.tsx';
import { MePicker } from '../TopBar.tsx';

export const draftKey = (chatId: string, kind: MessageKind): string => `${kind}.${chatId}`;

const modifier = /Mac|iP(?:hone|ad)/.test(navigator.platform) ? '⌘' : 'Ctrl';

const maxHeight = 240;

/** An unfinished note is continued, unless there is an unfinished reply. */
const firstKind = (chatId: string): MessageKind =>
  readDraft(draftKey(chatId, 'reply')) === '' && readDraft(draftKey(chatId, 'note')) !== ''
    ? 'note'
    : 'reply';

interface KindProperties {
  readonly kind: MessageKind;
  readonly onKind: (kind: MessageKind) => void;
}

const Kinds = ({ kind: selected, onKind }: KindProperties) => (
  <div className="kinds" role="radiogroup" aria-label={t.compose}>
    {messageKinds.map((kind) => (
      <label key={kind}>
        <input type="radio" name="kind" checked={kind === selected} onChange={() => onKind(kind)} />
        <span>
          {kind === 'note' && <Icon name="lock" />}
          {t[kind]}
        </span>
      </label>
    ))}
  </div>
);

/** Writes replies and notes. Each has a draft per chat, which survives a reload. */
export function Composer({ chatId }: { readonly chatId: string }) {
  const client = useApolloClient();
  const { me, isMeSelected } = useTeam();
  const [first] = useState(() => firstKind(chatId));
  const kind = useSignal(composerKinds)[chatId] ?? first;
  const setKind = (wanted: MessageKind) => setComposerKind(chatId, wanted);
  const key = draftKey(chatId, kind);
  const text = useDraft(key);
  const field = useRef<HTMLTextAreaElement>(null);
  const isBlank = text.trim() === '';
  const sendLabel = kind === 'note' ? t.addNote : t.send;

  useLayoutEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.height = 'auto';
    element.style.height = `${Math.min(element.scrollHeight + 2, maxHeight)}px`;
  }, [text, kind]);

  const write = (wanted: MessageKind) => () => {
    setKind(wanted);
    field.current?.focus();
  };
  useShortcuts({ r: write('reply'), n: write('note') });

  function send(): void {
    if (isBlank || me === undefined) return;
    sendMessage(client, { chatId, kind, text, agentId: me.id });
    setDraft(key, '');
    field.current?.focus();
  }
  function onKeyDown({ key: pressed, ctrlKey, metaKey }: KeyboardEvent): void {
    if (pressed === 'Enter' && (ctrlKey || metaKey)) send();
    if (pressed === 'Escape') document.querySelector<HTMLElement>('.talk')?.focus();
  }

  return (
    <form
      className="composer"
      data-kind={kind}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Kinds kind={kind} onKind={setKind} />
      <textarea
        ref={field}
        rows={2}
        aria-label={t[kind]}
        placeholder={kind === 'note' ? t.notePlaceholder : t.replyPlaceholder}
        dir="auto"
        value={text}
        onChange={({ target }) => setDraft(key, target.value)}
        onKeyDown={onKeyDown}
      />
      <div className="send">
        <span className="hint">{t.composeHint(modifier)}</span>
        {me === undefined && isMeSelected ? (
          <MePicker />
        ) : (
          <button
            type="submit"
            className="primary"
            disabled={isBlank || me === undefined}
            aria-label={sendLabel}
          >
            <Icon name="send" />
            <span className="label">{sendLabel}</span>
          </button>
        )}
      </div>
    </form>
  );
}
