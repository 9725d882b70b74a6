import { useSyncExternalStore } from 'react';

const read = (): string | undefined => /^#chat\/(\d+)$/.exec(window.location.hash)?.[1];

function listen(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}

export const placeOf = (chatId: string): string => `#chat/${chatId}`;

/** The chat id in the URL, so that links and the back button work. */
export const useChatId = (): string | undefined => useSyncExternalStore(listen, read);
