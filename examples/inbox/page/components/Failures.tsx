import type { FailedWrite, Write } from '../state/failures.ts';
import { checkWrite, codeOf, dismiss, failedWrites, perform } from '../state/failures.ts';
import { useSignal } from '../state/signal.ts';
import { t } from '../text/index.ts';
import { problemOf } from '../text/problem.ts';

function Failure({ failed }: { readonly failed: FailedWrite }) {
  const { key, title, conflict, error, isBusy } = failed;
  const problem = problemOf(error);
  if (conflict !== undefined && codeOf(error) === 'CONFLICT') {
    return (
      <div className="notice">
        <strong role="alert">{conflict}</strong>
        <div className="buttons">
          <button type="button" className="quiet" onClick={() => dismiss(key)}>
            {t.dismiss}
          </button>
        </div>
      </div>
    );
  }
  return (
    <div className="notice" aria-busy={isBusy}>
      <div role="alert">
        <strong>{title}</strong>
        <p>
          {problem.title}. {failed.isUncertain ? t.mayBeDone : problem.hint}
        </p>
      </div>
      <div className="buttons">
        {failed.isUncertain ? (
          <button type="button" disabled={isBusy} onClick={() => void checkWrite(failed)}>
            {t.check}
          </button>
        ) : (
          <button type="button" disabled={isBusy} onClick={() => void perform(failed)}>
            {t.retry}
          </button>
        )}
        <button type="button" className="quiet" onClick={() => dismiss(key)}>
          {t.dismiss}
        </button>
      </div>
    </div>
  );
}

/** The writes of a chat or customer that have failed. */
export function Failures({ subject }: { readonly subject: Write['subject'] }) {
  const failures = useSignal(failedWrites).filter((failed) => failed.subject === subject);
  return failures.map((failed) => <Failure key={failed.key} failed={failed} />);
}
