/** Where a request goes. */
export interface Target {
  /** Path and query. */
  readonly path: string;
  /** Host and port, if the target names them. They take precedence over the Host header. */
  readonly authority?: string;
}

const absoluteForm = /^https?:\/\/([^/?#]*)(.*)$/is;

function isDecodable(path: string): boolean {
  if (!path.includes('%')) return true;
  try {
    decodeURIComponent(path.replace(/[?#].*$/s, ''));
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads a request target in origin form or absolute form (RFC 9112, section 3.2); undefined for any other. A path that begins with two
 * slashes is rejected, because software disagrees on whether it is a path or a host.
 */
export function readTarget(text: string): Target | undefined {
  const [, authority, rest = ''] = absoluteForm.exec(text) ?? [];
  const path = authority === undefined ? text : rest.replace(/^(?!\/)/, '/');
  if (!path.startsWith('/') || path.startsWith('//') || !isDecodable(path)) return undefined;
  return authority === undefined ? { path } : { path, authority };
}
