import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

export const revisions = ['2025-06-18', '2025-11-25', '2026-07-28'] as const;
type Revision = (typeof revisions)[number];

/** The options of an SDK client that speaks exactly one revision. */
export const clientOptions = (revision: Revision) =>
  revision === '2026-07-28'
    ? { versionNegotiation: { mode: { pin: revision } } }
    : { supportedProtocolVersions: [revision] };

/** Connects the SDK's client over HTTP. */
export async function connectMcp(
  url: string,
  {
    headers = {},
    revision = '2025-11-25',
  }: { readonly headers?: Record<string, string>; readonly revision?: Revision } = {},
) {
  const client = new Client({ name: 'test', version: '1' }, clientOptions(revision));
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit: { headers } }),
  );
  return client;
}

/** Sends one message, without a client. */
export async function postMcp(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
) {
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const message: any = text === '' ? undefined : JSON.parse(text);
  return { status: response.status, headers: response.headers, text, message };
}

/** Calls a tool, without a client. */
export async function callTool(
  url: string,
  name: string,
  args: unknown = {},
  headers: Readonly<Record<string, string>> = {},
) {
  const { message, text } = await postMcp(
    url,
    { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } },
    headers,
  );
  const result = message.result ?? {};
  return {
    raw: text,
    error: message.error,
    text: String(result.content?.[0]?.text ?? ''),
    isError: result.isError === true,
    structured: result.structuredContent,
  };
}

export const tokensOf = (text: string): number => Math.ceil(text.length / 4);
