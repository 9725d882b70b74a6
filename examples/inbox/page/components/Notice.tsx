import { useEffect, useEffectEvent, useState } from 'react';
import { t } from '../text/index.ts';
import { problemOf } from '../text/problem.ts';

const firstPauseMs = 3_000;
const longestPauseMs = 30_000;

/** The last error, also while the query is being retried. */
export function useLasting(error: Error | undefined, isLoading: boolean): Error | undefined {
  const [last, setLast] = useState(error);
  if (!isLoading && error !== last) setLast(error);
  return isLoading ? last : error;
}

interface Properties {
  readonly error: Error;
  readonly onRetry: () => void;
}

/** Shows an error, and retries automatically if that may help. */
export function Notice({ error, onRetry }: Properties) {
  const { title, hint, retryAfterMs } = problemOf(error);
  const [{ seen, tries, seconds }, setState] = useState({
    seen: undefined as Error | undefined,
    tries: 0,
    seconds: 0,
  });
  if (seen !== error) {
    const pauseMs = retryAfterMs ?? Math.min(firstPauseMs * 2 ** tries, longestPauseMs);
    setState({ seen: error, tries: tries + 1, seconds: Math.max(1, Math.ceil(pauseMs / 1000)) });
  }
  const isHopeless = retryAfterMs === null;
  const tick = useEffectEvent(() => {
    if (seconds === 1) onRetry();
    if (seconds > 0) setState({ seen, tries, seconds: seconds - 1 });
  });
  useEffect(() => {
    if (isHopeless) return undefined;
    const timer = setInterval(() => tick(), 1000);
    return () => clearInterval(timer);
  }, [isHopeless]);

  return (
    <div className="notice">
      <div role="alert">
        <strong>{title}</strong>
        <p>{hint}</p>
      </div>
      {!isHopeless && (
        <button type="button" className="quiet" onClick={onRetry}>
          <span role="timer">{seconds > 0 ? t.retryIn(seconds) : t.retrying}</span>
        </button>
      )}
    </div>
  );
}
