import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { asError } from '../state/failures.ts';
import { t } from '../text/index.ts';
import { Notice } from './Notice.tsx';

interface Properties {
  readonly label: string;
  readonly load: () => Promise<unknown>;
  /** If it is given, the page is loaded when the button comes into view, and again when the key has changed. */
  readonly automaticKey?: unknown;
}

/** Loads a further page of a list. Its error is shown here, because the query of the list does not report it. */
export function LoadMore({ label, load, automaticKey }: Properties) {
  const [isLoading, setIsLoading] = useState(false);
  const [error, setError] = useState<Error>();
  const button = useRef<HTMLButtonElement>(null);
  async function run(): Promise<void> {
    if (isLoading) return;
    setIsLoading(true);
    try {
      await load();
      setError(undefined);
    } catch (reason) {
      setError(asError(reason));
    }
    setIsLoading(false);
  }
  const runWhenVisible = useEffectEvent(() => void run());
  useEffect(() => {
    if (automaticKey === undefined || button.current === null) return undefined;
    const watcher = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting === true) runWhenVisible();
      },
      { rootMargin: '400px' },
    );
    watcher.observe(button.current);
    return () => watcher.disconnect();
  }, [automaticKey, error]);

  if (error !== undefined) return <Notice error={error} onRetry={() => void run()} />;
  return (
    <button ref={button} type="button" className="quiet more" onClick={() => void run()}>
      {isLoading ? t.loadingMore : label}
    </button>
  );
}
