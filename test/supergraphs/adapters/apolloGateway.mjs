// Serves the supergraph of SUPERGRAPH by @apollo/gateway, configured as docs/federation.md says. Runs in the folder with its packages.
import { readFileSync, watchFile, unwatchFile } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';

const { SUPERGRAPH: file, ROUTER_SECRET: secret } = process.env;
const read = () => readFileSync(file, 'utf8');

const forwarded = ['authorization', 'x-request-id'];

class Helpdesk extends RemoteGraphQLDataSource {
  willSendRequest({ request, context }) {
    for (const name of forwarded) {
      const value = context.headers?.[name];
      if (value !== undefined) request.http.headers.set(name, value);
    }
    request.http.headers.set('x-router-secret', context.headers?.['x-test-secret'] ?? secret);
  }
}

/** A data source that sends compressed requests, if the client asks for it. */
const compressing = (fetcher) => (url, init) =>
  init.headers['x-request-id'] === 'compressed'
    ? fetcher(url, {
        ...init,
        headers: { ...init.headers, 'content-encoding': 'gzip' },
        body: gzipSync(init.body),
      })
    : fetcher(url, init);

const gateway = new ApolloGateway({
  async supergraphSdl({ update, healthCheck }) {
    const supergraphSdl = read();
    await healthCheck(supergraphSdl);
    watchFile(file, { interval: 100 }, () => update(read()));
    return { supergraphSdl, cleanup: () => Promise.resolve(unwatchFile(file)) };
  },
  buildService({ name, url }) {
    if (name !== 'helpdesk') return new RemoteGraphQLDataSource({ url });
    const source = new Helpdesk({ url, apq: true });
    source.fetcher = compressing(source.fetcher);
    return source;
  },
  logger: { debug() {}, info() {}, warn() {}, error: console.error },
});

const server = new ApolloServer({ gateway, nodeEnv: 'production', stopOnTerminationSignals: true });
const { url } = await startStandaloneServer(server, {
  listen: { host: '127.0.0.1', port: 0 },
  context: ({ req: { headers } }) => Promise.resolve({ headers }),
});
process.stdout.write(`listening on ${url}\n`);
