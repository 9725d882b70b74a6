const advice: Readonly<Record<string, (names: ListenNames) => string>> = {
  EADDRINUSE: ({ port }) => `is in use. Set ${port} to another port, or to 0 for any free port.`,
  EACCES: ({ port }) =>
    `needs more rights than this user has. Set ${port} to a port above 1023, or to 0 for any free port.`,
};

const hostErrors: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN']);

/** What the user calls the address to listen on, such as `HOST` or `--host`. */
interface ListenNames {
  readonly host: string;
  readonly port: string;
}

/** Its message is that of `listenErrorMessage`. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

function hostOf(error: Error): string {
  if ('address' in error) return String(error.address);
  return 'hostname' in error ? String(error.hostname) : 'the value';
}

/** How to fix an address on which a server cannot listen; undefined for other errors. */
export function listenErrorMessage(error: unknown, names: ListenNames): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const code = String(error.code);
  const adviceOn = advice[code];
  if (adviceOn !== undefined && 'port' in error)
    return `Port ${String(error.port)} ${adviceOn(names)}`;
  if (!hostErrors.has(code)) return undefined;
  return `${names.host}: ${hostOf(error)} is not a name or address of this machine. Set 127.0.0.1, or 0.0.0.0 for all addresses.`;
}
