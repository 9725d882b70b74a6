/** An error that the user of the command line can fix. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
