// Serves the supergraph of SUPERGRAPH by Hive Gateway, configured as docs/federation.md says. PLANNER=rust plans with the planner of Hive
// Router. Runs in the folder with its packages.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { createGatewayRuntime } from '@graphql-hive/gateway-runtime';
import { MemPubSub } from '@graphql-hive/pubsub';
import { unifiedGraphHandler } from '@graphql-hive/router-runtime';

const {
  SUPERGRAPH: file,
  ROUTER_SECRET: secret,
  PLANNER,
  SUBSCRIPTIONS,
  CALLBACK_URL,
} = process.env;

const subscriptions = {
  webSocket: {
    kind: 'ws',
    location: '/graphql',
    headers: [['x-router-secret', secret]],
    options: { connectionParams: { authorization: '{context.headers.authorization}' } },
  },
  callback: {
    kind: 'http-callback',
    options: { public_url: CALLBACK_URL, heartbeat_interval: 5_000 },
  },
}[SUBSCRIPTIONS];

const gateway = createGatewayRuntime({
  supergraph: () => readFileSync(file, 'utf8'),
  pollingInterval: 200,
  ...(PLANNER === 'rust' ? { unifiedGraphHandler } : {}),
  propagateHeaders: {
    fromClientToSubgraphs: ({ request, subgraphName }) =>
      subgraphName === 'helpdesk'
        ? {
            authorization: request.headers.get('authorization') ?? '',
            'x-request-id': request.headers.get('x-request-id') ?? '',
            'x-router-secret': request.headers.get('x-test-secret') ?? secret,
          }
        : {},
  },
  ...(subscriptions && { transportEntries: { helpdesk: { options: { subscriptions } } } }),
  ...(SUBSCRIPTIONS === 'callback' && { webhooks: true, pubsub: new MemPubSub() }),
  upstreamCancellation: true,
  executionCancellation: true,
  plugins: () => [
    {
      onFetch({ options, setOptions }) {
        if (options.headers?.['x-request-id'] !== 'compressed') return;
        const headers = { ...options.headers, 'content-encoding': 'gzip' };
        setOptions({ ...options, headers, body: gzipSync(options.body) });
      },
    },
  ],
  logging: 'error',
});

const server = createServer(gateway);
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () =>
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}/graphql\n`),
);
process.once('SIGTERM', () => process.exit(0));
