import type { Clock } from '../lib/clock.ts';
import { scheduleAt } from '../lib/scheduleAt.ts';
import type { Authenticated } from './auth/credentials.ts';

/** When credentials end: at a time, or when their account is removed. */
export type CredentialsEnd = Pick<Authenticated, 'expiresAtMs' | 'onAccountRemoved'>;

/** Calls `end` once with the reason when the credentials expire or their account is removed. Returns a function that cancels it. */
export function onCredentialsEnd(
  { expiresAtMs, onAccountRemoved }: CredentialsEnd,
  end: (reason: string) => void,
  clock: Clock,
): () => void {
  const cancels: (() => void)[] = [];
  const cancel = () => {
    for (const each of cancels) each();
  };
  const endWith = (reason: string) => () => {
    cancel();
    end(reason);
  };
  if (expiresAtMs !== undefined)
    cancels.push(scheduleAt(expiresAtMs, endWith('The credentials have expired'), clock));
  if (onAccountRemoved !== undefined)
    cancels.push(onAccountRemoved(endWith('The account is no longer served')));
  return cancel;
}
