/** The first word of Redis' reply, or the system's code: never an address or a password. */
export function redisErrorReason(cause: unknown): { readonly reason?: string } {
  if (!(cause instanceof Error)) return {};
  const word = 'code' in cause ? String(cause.code) : (cause.message.split(' ')[0] ?? '');
  return /^[A-Z_]+$/.test(word) ? { reason: word } : {};
}
