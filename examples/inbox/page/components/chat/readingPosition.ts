import type { RefObject } from 'react';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';

const nearEndPx = 80;

interface Options {
  readonly box: RefObject<HTMLElement | null>;
  /** The key of the newest entry. */
  readonly newest: string | undefined;
  /** Changes with each change of the entries. */
  readonly entries: unknown;
  /** The number of messages that the user has sent and HelpCrunch has not confirmed. */
  readonly outgoing: number;
}

/** Follows the end of the conversation while it is visible. Otherwise what the user reads does not move. */
export function useReadingPosition({ box, newest, entries, outgoing }: Options) {
  const fromEnd = useRef(0);
  const shown = useRef({ newest, outgoing });
  const [hasNews, setHasNews] = useState(false);

  const scrollTo = (distance: number) => {
    const element = box.current;
    if (element !== null)
      element.scrollTop = element.scrollHeight - element.clientHeight - distance;
  };
  const isAtEnd = () => fromEnd.current < nearEndPx;
  function onScroll(): void {
    const { scrollHeight = 0, clientHeight = 0, scrollTop = 0 } = box.current ?? {};
    fromEnd.current = Math.max(0, scrollHeight - clientHeight - scrollTop);
    if (isAtEnd()) setHasNews(false);
  }
  function showEnd(): void {
    setHasNews(false);
    scrollTo(0);
  }

  useLayoutEffect(() => {
    const { current: before } = shown;
    shown.current = { newest, outgoing };
    if (outgoing > before.outgoing || isAtEnd()) {
      scrollTo(0);
    } else if (newest === before.newest) {
      // Older messages were added above.
      scrollTo(fromEnd.current);
    } else {
      onScroll();
      setHasNews(true);
    }
  }, [newest, entries, outgoing]);

  // The composer grows, notices appear, and the keyboard of a phone opens.
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (isAtEnd()) scrollTo(0);
    });
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, [box]);

  return { hasNews, onScroll, showEnd };
}
