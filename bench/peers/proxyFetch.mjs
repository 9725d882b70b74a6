import { Agent, createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import fetch from 'node-fetch';

/** The same proxy, but with node-fetch as its HTTP client, like the gateway. */
export async function start(upstream) {
  const agent = new Agent({ keepAlive: true });
  const server = createServer(async (request, response) => {
    const { method, url: path, headers } = request;
    const body = method === 'PUT' ? await buffer(request) : undefined;
    const answer = await fetch(upstream + path, { agent, method, headers, body });
    const text = await answer.text();
    response.writeHead(answer.status, {
      'content-type': answer.headers.get('content-type'),
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}/`;
}
