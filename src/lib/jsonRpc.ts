/** The codes of errors in JSON-RPC 2.0. `serverError` is the first of the range that is left to servers. */
export const jsonRpcCodes = {
  parseError: -32_700,
  invalidRequest: -32_600,
  invalidParams: -32_602,
  internalError: -32_603,
  serverError: -32_000,
};

interface JsonRpcError {
  readonly code: number;
  readonly message: string;
  readonly data: unknown;
}

/** The id of a request; null if it has none or the id cannot be repeated. */
function idOf(request: unknown): string | number | null {
  const id = typeof request === 'object' && request !== null && 'id' in request ? request.id : null;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}

/** The response to a request that failed. */
export const formatJsonRpcError = (
  { code, message, data }: JsonRpcError,
  request: unknown,
): string => JSON.stringify({ jsonrpc: '2.0', error: { code, message, data }, id: idOf(request) });
