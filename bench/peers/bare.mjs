import { createServer } from 'node:http';

/** Sends the headers and as many bytes as the gateway, or an empty 304, and does nothing else. */
export async function start() {
  const { bytes, headers } = JSON.parse(process.env.BARE_RESPONSE);
  const { 'content-length': _length, 'content-type': _type, ...withoutBody } = headers;
  const body = 'x'.repeat(bytes);
  const server = createServer((request, response) => {
    if (request.headers['if-none-match'] === undefined) response.writeHead(200, headers).end(body);
    else response.writeHead(304, withoutBody).end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}/`;
}
