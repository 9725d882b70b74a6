// A small router: composes the subgraphs given as `name=url` and serves the supergraph on PORT.
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getStitchedSchemaFromSupergraphSdl } from '@graphql-tools/federation';
import { composeServices } from '@theguild/federation-composition';
import { parse } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';

const { PORT: port = '4000', ROUTER_SECRET: secret } = process.env;

/** Authenticates the router; each client's token is forwarded. */
const trust: Readonly<Record<string, string>> =
  secret === undefined ? {} : { 'x-router-secret': secret };

const subgraphs = process.argv.slice(2).map((given) => {
  const [name = '', url = ''] = given.split(/=(.*)/s);
  return { name, url };
});

async function schemaOf(url: string): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...trust },
    body: JSON.stringify({ query: '{ _service { sdl } }' }),
  });
  const { data } = (await response.json()) as { data?: { _service: { sdl: string } } };
  if (data === undefined) throw new Error(`${url} does not expose its schema.`);
  return data._service.sdl;
}

async function compose(): Promise<string> {
  const services = await Promise.all(
    subgraphs.map(async ({ name, url }) => ({ name, url, typeDefs: parse(await schemaOf(url)) })),
  );
  const { supergraphSdl, errors = [] } = composeServices(services);
  if (supergraphSdl !== undefined) return supergraphSdl;
  throw new Error(errors.map(({ message }) => message).join('\n'));
}

interface RouterContext extends Record<PropertyKey, unknown> {
  readonly authorization: string | undefined;
}

const schema = getStitchedSchemaFromSupergraphSdl({
  supergraphSdl: await compose(),
  // Concurrent requests to one subgraph are sent as one.
  batch: true,
  httpExecutorOpts: {
    headers: (request): Record<string, string> => {
      const { authorization } = (request?.context ?? {}) as Partial<RouterContext>;
      return { ...trust, ...(authorization === undefined ? {} : { authorization }) };
    },
  },
});

const handler = createHandler<RouterContext>({
  schema,
  context: ({ raw }: { raw: IncomingMessage }) => ({ authorization: raw.headers.authorization }),
});

const server = createServer((request, response) => void handler(request, response));
server.once('error', ({ message }) => {
  process.stderr.write(`${message}. Set PORT to another port.\n`);
  process.exit(1);
});
server.listen(Number(port), '127.0.0.1', () => {
  const { port: taken } = server.address() as AddressInfo;
  process.stdout.write(`listening on http://127.0.0.1:${taken}/graphql\n`);
});

const stop = () => {
  server.close();
  server.closeAllConnections();
};
process.once('SIGTERM', stop).once('SIGINT', stop);
