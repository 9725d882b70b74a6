const replyCode = (error: unknown): string | undefined =>
  error instanceof Error && error.name === 'ReplyError' ? error.message.split(' ')[0] : undefined;

/** Older versions of Redis put the code of a failed command inside the error of the script. */
export const isOutOfMemory = (error: unknown): boolean => String(error).includes('OOM');

/** An error of one command, such as a key with another type; Redis itself works. */
export const isCommandError = (error: unknown): boolean =>
  ['ERR', 'WRONGTYPE'].includes(replyCode(error) ?? '');

export const isMissingScript = (error: unknown): boolean => replyCode(error) === 'NOSCRIPT';

/** The code of a reply or of the system: never an address or a password. */
export function errorReason(cause: unknown, problem: string): string {
  if (!(cause instanceof Error)) return problem;
  if (cause.message === 'Command timed out') return 'ETIMEDOUT';
  const code = 'code' in cause ? String(cause.code) : (cause.message.split(' ')[0] ?? '');
  return /^[A-Z_]+$/.test(code) ? code : problem;
}
