// Serves the schema of the compatibility suite on PORT.
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTrace } from '@apollo/server/plugin/inlineTrace';
import { startStandaloneServer } from '@apollo/server/standalone';
import { createProductsSchema } from './products.ts';

const { PORT: port = '4001' } = process.env;

await startStandaloneServer(
  new ApolloServer({ schema: createProductsSchema(), plugins: [ApolloServerPluginInlineTrace()] }),
  { listen: { port: Number(port) } },
);
