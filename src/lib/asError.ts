/** A thrown value or the reason of an aborted signal, which need not be an error. */
export const asError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error(String(reason));
