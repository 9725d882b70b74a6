import { request } from 'node:http';
import { createDeferred } from './deferred.ts';

/** An operation whose client can disconnect; the result is then `left`. `fetch` would open another connection instead. */
export function executeQuery({ url }: { readonly url: string }, query: string) {
  const answer = createDeferred<any>();
  const call = request(`${url}/graphql`, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json' },
  });
  call.on('response', (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (part: string) => {
      text += part;
    });
    response.on('end', () => answer.resolve(JSON.parse(text)));
  });
  call.on('error', () => answer.resolve('left'));
  call.end(JSON.stringify({ query }));
  return { answer: answer.promise, leave: () => call.destroy() };
}

/** The raw response: status, content type, text. All requests have the same id, so that responses can be compared. */
export async function responseTo(
  { url }: { readonly url: string },
  operation: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': 'mine', ...headers },
    body: JSON.stringify(operation),
  });
  return `${response.status} ${response.headers.get('content-type')} ${await response.text()}`;
}

/** The raw response to the operation as a GET request. */
export async function responseToGet(
  { url }: { readonly url: string },
  operation: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = { 'apollo-require-preflight': 'true' },
): Promise<string> {
  const parameters = Object.entries(operation).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  const search = new URLSearchParams(parameters).toString();
  const response = await fetch(`${url}/graphql?${search}`, {
    headers: { 'x-request-id': 'mine', ...headers },
  });
  return `${response.status} ${response.headers.get('content-type')} ${await response.text()}`;
}
