import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { createSignal } from './signal.ts';

export interface Write {
  /** A newer write with the same key replaces the failure of an older one. */
  readonly key: string;
  /** Where the failure is shown. */
  readonly subject: `chat:${string}` | `customer:${string}`;
  /** The chat beside which the failure is shown. */
  readonly chatId: string;
  /** What has failed, as a sentence. */
  readonly title: string;
  /** Instead of the title and without a repetition, if another user was faster. */
  readonly conflict?: string;
  readonly run: () => Promise<unknown>;
  /** Reads the object again and returns whether the write has been applied. */
  readonly check: () => Promise<boolean>;
  /** Called once it is known to be applied, also after a repetition or a check. */
  readonly onApplied?: () => void;
  readonly onConflict?: () => void;
}

export interface FailedWrite extends Write {
  readonly error: Error;
  /** Whether it may have been applied nevertheless. */
  readonly isUncertain: boolean;
  readonly isBusy: boolean;
}

export const failedWrites = createSignal<readonly FailedWrite[]>([]);

export const codeOf = (error: unknown): unknown =>
  CombinedGraphQLErrors.is(error) ? error.errors[0]?.extensions?.['code'] : undefined;

/** Without a response of the gateway the outcome is unknown too. */
export const isUncertain = (error: unknown): boolean =>
  !CombinedGraphQLErrors.is(error) || codeOf(error) === 'OUTCOME_UNKNOWN';

export const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));

export function dismiss(key: string): void {
  failedWrites.set(failedWrites.get().filter((failed) => failed.key !== key));
}

const change = (key: string, values: Partial<FailedWrite>): void =>
  failedWrites.set(
    failedWrites.get().map((failed) => (failed.key === key ? { ...failed, ...values } : failed)),
  );

/** Returns whether the write has succeeded. Otherwise the failure is shown, with a button that repeats or checks it. */
export async function perform(write: Write): Promise<boolean> {
  change(write.key, { isBusy: true });
  try {
    await write.run();
    dismiss(write.key);
    write.onApplied?.();
    return true;
  } catch (error) {
    dismiss(write.key);
    const failed = {
      ...write,
      error: asError(error),
      isUncertain: isUncertain(error),
      isBusy: false,
    };
    failedWrites.set([...failedWrites.get(), failed]);
    if (codeOf(error) === 'CONFLICT') write.onConflict?.();
    return false;
  }
}

/** After an unknown outcome: reads the object before the write can be repeated. */
export async function checkWrite({ key, check, onApplied }: FailedWrite): Promise<void> {
  change(key, { isBusy: true });
  try {
    if (await check()) {
      dismiss(key);
      onApplied?.();
    } else change(key, { isBusy: false, isUncertain: false });
  } catch (error) {
    change(key, { isBusy: false, error: asError(error) });
  }
}
