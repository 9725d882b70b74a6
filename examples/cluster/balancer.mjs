import { Agent, createServer, get, request as send } from 'node:http';

const probeMs = 300;

/**
 * Forwards requests to ready instances in turn. It never retries: requests that an instance loses are counted as failed by the
 * client.
 */
export function createBalancer() {
  const agent = new Agent({ keepAlive: true });
  const instances = new Map();
  let turn = 0;

  const next = () => {
    const ready = [...instances].filter(([, isReady]) => isReady).map(([url]) => url);
    turn += 1;
    return ready[turn % ready.length];
  };

  const server = createServer((request, response) => {
    const url = next();
    if (url === undefined) {
      response.writeHead(503).end();
      return;
    }
    const { method, headers } = request;
    const passed = send(url + request.url, { method, headers, agent }, (answer) => {
      const { connection: _own, ...rest } = answer.headers;
      response.writeHead(answer.statusCode, { ...rest, 'x-instance': new URL(url).port });
      answer.pipe(response);
    });
    passed.on('error', () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    });
    response.on('close', () => passed.destroy());
    request.pipe(passed);
  });

  /** Without a timeout: a slow response on a busy machine must not remove the instance. */
  function probe(url) {
    const isReady = new Promise((resolve) => {
      const asked = get(`${url}/readyz`, { agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      });
      asked.on('error', () => resolve(false));
    });
    return isReady.then((is) => {
      if (instances.has(url)) instances.set(url, is);
    });
  }
  const timer = setInterval(() => {
    for (const url of instances.keys()) void probe(url);
  }, probeMs);

  return {
    server,
    /** Resolves after the first readiness probe. */
    add(url) {
      instances.set(url, false);
      return probe(url);
    },
    remove: (url) => instances.delete(url),
    close() {
      clearInterval(timer);
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}
