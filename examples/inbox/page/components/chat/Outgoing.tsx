import { useApolloClient } from '@apollo/client/react';
import { readDraft, setComposerKind, setDraft } from '../../state/drafts.ts';
import type { OutgoingMessage } from '../../state/outbox.ts';
import { checkMessage, discard, isBusy, repeat } from '../../state/outbox.ts';
import { t } from '../../text/index.ts';
import { problemOf } from '../../text/problem.ts';
import { draftKey } from './Composer.tsx';
import { Markdown } from './Markdown.tsx';

/** What is known about a message that HelpCrunch has not confirmed. */
function stateText({ state, error }: OutgoingMessage): string {
  if (state === 'sending') return t.sending;
  if (state === 'checking') return t.checking;
  if (state === 'absent') return t.notInChat;
  const reason = error === undefined ? '' : `${problemOf(error).title}. `;
  return reason + (state === 'unknown' ? t.mayBeSent : t.notSent);
}

/** Returns the text to the composer, before what has been typed since. */
function edit({ key, chatId, kind, text }: OutgoingMessage): void {
  const draft = readDraft(draftKey(chatId, kind));
  setDraft(draftKey(chatId, kind), draft === '' ? text : `${text}\n\n${draft}`);
  setComposerKind(chatId, kind);
  discard(key);
  document.querySelector<HTMLElement>('.composer textarea')?.focus();
}

function Buttons({ message }: { readonly message: OutgoingMessage }) {
  const client = useApolloClient();
  return (
    <div className="buttons">
      {message.state === 'unknown' ? (
        <button type="button" onClick={() => void checkMessage(client, message)}>
          {t.check}
        </button>
      ) : (
        <button type="button" onClick={() => repeat(client, message)}>
          {message.state === 'absent' ? t.sendAgain : t.retry}
        </button>
      )}
      {message.state !== 'unknown' && (
        <button type="button" className="quiet" onClick={() => edit(message)}>
          {t.editAgain}
        </button>
      )}
      <button type="button" className="quiet" onClick={() => discard(message.key)}>
        {t.discard}
      </button>
    </div>
  );
}

export function Outgoing({ message }: { readonly message: OutgoingMessage }) {
  const { kind, state, text } = message;
  const isWaiting = isBusy(message);
  return (
    <li
      className="message outgoing"
      data-from="AGENT"
      data-type={kind === 'note' ? 'PRIVATE' : 'MESSAGE'}
      data-state={state}
      aria-busy={isWaiting}
    >
      <div className="text" dir="auto">
        <Markdown text={text} />
      </div>
      <p className="at" role={isWaiting ? 'status' : 'alert'}>
        {stateText(message)}
      </p>
      {!isWaiting && <Buttons message={message} />}
    </li>
  );
}
