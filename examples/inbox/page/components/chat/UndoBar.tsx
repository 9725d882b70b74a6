import type { Address } from '../../state/address.ts';
import { cancelClose, pendingCloses, stoppedClose } from '../../state/pendingCloses.ts';
import { useShortcuts } from '../../state/shortcuts.ts';
import { useSignal } from '../../state/signal.ts';
import { t } from '../../text/index.ts';
import { ChatLink } from '../list/Unfinished.tsx';

/** Offers to undo the closing of a chat, as long as it has not been sent, and says if it was stopped. */
export function UndoBar({ address }: { readonly address: Address }) {
  const last = useSignal(pendingCloses).at(-1)?.chatId;
  const stopped = useSignal(stoppedClose);
  const undo = () => last !== undefined && cancelClose(last);
  useShortcuts({ z: undo });
  return (
    <div className="undo" role="status">
      {last !== undefined && (
        <>
          <span>{t.closing}</span>
          <button
            type="button"
            onClick={() => {
              undo();
              // This button disappears.
              document.querySelector<HTMLElement>('.chat-head .primary')?.focus();
            }}
          >
            {t.undo} <kbd>z</kbd>
          </button>
        </>
      )}
      {last === undefined && stopped !== undefined && (
        <>
          <span>{t.closingStopped}</span>
          {stopped !== address.chatId && <ChatLink address={address} chatId={stopped} />}
          <button type="button" onClick={() => stoppedClose.set(undefined)}>
            {t.dismiss}
          </button>
        </>
      )}
    </div>
  );
}
