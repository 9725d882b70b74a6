/** A script reports commands that its user may not run, and a demoted primary, inside an error of its own. */
function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined;
  const { message } = error;
  if (/NOPERM|no permissions/.test(message)) return 'NOPERM';
  return message.includes('READONLY') ? 'READONLY' : message.split(' ')[0];
}

/** Older versions of Redis put the code of a failed command inside the error of the script. */
export const isOutOfMemory = (error: unknown): boolean => String(error).includes('OOM');

/** An error of one command, such as a key with another type; Redis itself works. */
export const isErrOrWrongTypeReply = (error: unknown): boolean =>
  ['ERR', 'WRONGTYPE'].includes(replyCode(error) ?? '');

/** The user may not run a command, or not use a key or channel. */
export const isNoPermissionError = (error: unknown): boolean => replyCode(error) === 'NOPERM';

/** The server is a replica, such as a demoted primary. */
export const isReadOnly = (error: unknown): boolean => replyCode(error) === 'READONLY';

export const isMissingScript = (error: unknown): boolean => replyCode(error) === 'NOSCRIPT';

/** The code of a reply or of the system: never an address or a password. */
export function errorReason(cause: unknown, problem: string): string {
  if (!(cause instanceof Error)) return problem;
  if (cause.message === 'Command timed out') return 'ETIMEDOUT';
  const code =
    'code' in cause ? String(cause.code) : (replyCode(cause) ?? cause.message.split(' ')[0] ?? '');
  return /^[A-Z_]+$/.test(code) ? code : problem;
}
