import { pendingClose } from '../../state/chatWrites.ts';
import { useShortcuts } from '../../state/shortcuts.ts';
import { useSignal } from '../../state/signal.ts';
import { t } from '../../text/index.ts';

/** Offers to undo the closing of a chat, as long as it has not been sent. */
export function UndoBar() {
  const pending = useSignal(pendingClose);
  const undo = () => (pending === undefined ? false : pending.undo());
  useShortcuts({ z: undo });
  return (
    <div className="undo" role="status">
      {pending !== undefined && (
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
    </div>
  );
}
