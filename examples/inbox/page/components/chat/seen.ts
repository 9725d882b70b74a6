import { useApolloClient } from '@apollo/client/react';
import { useEffect, useRef, useState } from 'react';
import { markReadQuietly } from '../../state/chatWrites.ts';

const seenAfterMs = 1_000;

function useVisible(): boolean {
  const [isVisible, setIsVisible] = useState(!document.hidden);
  useEffect(() => {
    const listener = () => setIsVisible(!document.hidden);
    document.addEventListener('visibilitychange', listener);
    return () => document.removeEventListener('visibilitychange', listener);
  }, []);
  return isVisible;
}

/** Marks the chat as read when its newest message was visible for a second. Each message does so once, so the user can undo it. */
export function useMarkReadWhenSeen(
  chatId: string,
  isUnread: boolean,
  newestId: string | undefined,
): void {
  const client = useApolloClient();
  const isVisible = useVisible();
  const seen = useRef<string>(undefined);
  const isDue = isUnread && isVisible && newestId !== undefined;
  useEffect(() => {
    if (newestId === undefined || !isVisible || seen.current === newestId) return undefined;
    const timer = setTimeout(() => {
      seen.current = newestId;
      if (isDue) markReadQuietly(client, chatId);
    }, seenAfterMs);
    return () => clearTimeout(timer);
  }, [client, chatId, newestId, isVisible, isDue]);
}
