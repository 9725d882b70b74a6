import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { ChatList } from './ChatList.tsx';
import { ChatView } from './ChatView.tsx';
import { budget, line } from './client.ts';
import { Filters } from './Filters.tsx';
import type { ChatFilter } from './gql/graphql.ts';
import { TeamDocument } from './gql/graphql.ts';
import { useChatId } from './place.ts';
import { useSignal } from './signal.ts';

const lines = { joining: 'Connecting …', live: 'Live', lost: 'Reconnecting …' } as const;

function Line() {
  const state = useSignal(line);
  return (
    <span className="line" data-state={state} role="status">
      {lines[state]}
    </span>
  );
}

function Budget() {
  const left = useSignal(budget);
  if (left === undefined || left.limit === 0) return null;
  const { remaining, limit } = left;
  return (
    <span className="budget" title="Calls to HelpCrunch that the account has left">
      <span id="budget">Remaining calls</span>
      <meter aria-labelledby="budget" min={0} max={limit} low={limit / 5} value={remaining} />
      <span className="figure">
        {remaining}
        <span className="of">/{limit}</span>
      </span>
    </span>
  );
}

export function App() {
  const [filter, setFilter] = useState<ChatFilter>({});
  const [news, setNews] = useState('');
  const chatId = useChatId();
  const { data: team } = useQuery(TeamDocument);

  return (
    <div className="page" data-open={chatId !== undefined}>
      <header className="top">
        <h1>
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="9" />
            <path d="M8 11h16M8 16h11M8 21h7" />
          </svg>
          Inbox
        </h1>
        <Budget />
        <Line />
      </header>
      <nav className="list" aria-label="Chats">
        <Filters filter={filter} agents={team?.agents ?? []} onChange={setFilter} />
        <ChatList filter={filter} chatId={chatId} onNews={setNews} />
      </nav>
      {chatId === undefined ? (
        <main className="nothing">
          <p>Choose a chat to read it.</p>
          <p className="hint">
            <kbd>↑</kbd> <kbd>↓</kbd> move in the list, <kbd>Enter</kbd> opens, <kbd>Esc</kbd> goes
            back
          </p>
        </main>
      ) : (
        <ChatView key={chatId} chatId={chatId} onNews={setNews} />
      )}
      <p className="unseen" role="status">
        {news}
      </p>
    </div>
  );
}
