import { Agent, createServer, request as ask } from 'node:http';

/** A pass-through of one REST call: what anybody pays who puts a Node process in front. */
export async function start(upstream) {
  const agent = new Agent({ keepAlive: true });
  const { hostname, port } = new URL(upstream);
  const server = createServer((request, response) => {
    const { method, url: path, headers } = request;
    const call = ask({ agent, hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    request.pipe(call);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}/`;
}
