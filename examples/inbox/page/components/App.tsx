import { useState } from 'react';
import { sourceOf, useAddress } from '../state/address.ts';
import { useShortcuts } from '../state/shortcuts.ts';
import { useTeam } from '../state/team.tsx';
import { t } from '../text/index.ts';
import { ChatView } from './chat/ChatView.tsx';
import { UndoBar } from './chat/UndoBar.tsx';
import { HelpDialog } from './HelpDialog.tsx';
import { ListColumn } from './list/ListColumn.tsx';
import { ViewNav } from './list/ViewNav.tsx';
import { LiveUpdates } from './LiveUpdates.tsx';
import { TopBar } from './TopBar.tsx';

function Nothing({ isInvalid }: { readonly isInvalid: boolean }) {
  const keys = t.chooseChatKeys;
  return (
    <section className="nothing" data-invalid={isInvalid} aria-label={t.chat}>
      {isInvalid ? (
        <div role="alert">
          <h2>{t.invalidAddress}</h2>
          <p>{t.invalidAddressHint}</p>
          <a className="button" href="#/open">
            {t.backToList}
          </a>
        </div>
      ) : (
        <>
          <p>{t.chooseChat}</p>
          <p className="hint">
            <kbd>j</kbd> <kbd>k</kbd> {keys.move} <kbd>Enter</kbd> {keys.open} <kbd>?</kbd>{' '}
            {keys.shortcuts}
          </p>
        </>
      )}
    </section>
  );
}

export function App() {
  const address = useAddress();
  const { me } = useTeam();
  const [isHelpOpen, setIsHelpOpen] = useState(false);
  const { chatId, isInvalid } = address;
  useShortcuts({ '?': () => setIsHelpOpen(true) });
  return (
    <div className="page" data-open={chatId !== undefined || isInvalid}>
      <TopBar onHelp={() => setIsHelpOpen(true)} />
      <ViewNav address={address} />
      <main>
        <h1 className="unseen">{t.title}</h1>
        <ListColumn address={address} />
        {chatId === undefined ? (
          <Nothing isInvalid={isInvalid} />
        ) : (
          <ChatView key={chatId} address={address} chatId={chatId} />
        )}
      </main>
      <UndoBar address={address} />
      <LiveUpdates source={sourceOf(address, me?.id)} chatId={chatId} />
      <HelpDialog isOpen={isHelpOpen} onClose={() => setIsHelpOpen(false)} />
    </div>
  );
}
