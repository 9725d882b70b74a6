// Serves the shop's subgraph on PORT.
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import { createShopSchema } from './shopSchema.ts';

const { PORT: port = '4002' } = process.env;

const server = new ApolloServer({
  schema: createShopSchema(),
  plugins: [ApolloServerPluginInlineTraceDisabled()],
});
const { url } = await startStandaloneServer(server, {
  listen: { host: '127.0.0.1', port: Number(port) },
});
process.stdout.write(`listening on ${url}\n`);
