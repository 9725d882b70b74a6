import { createServer } from 'node:http';
import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import { createSchema, createYoga } from 'graphql-yoga';
import { createDesk } from './desk.mjs';
import { enums, resolvers, typeDefs } from './schema.mjs';

export async function start(upstream) {
  const ask = async (method, path, body) => {
    const response = await fetch(upstream + path, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return response.json();
  };
  const yoga = createYoga({
    logging: 'error',
    graphqlEndpoint: '/graphql',
    context: () => ({ desk: createDesk(ask) }),
    schema: createSchema({
      typeDefs,
      resolvers: {
        ...resolvers,
        ...enums,
        DateTime: GraphQLDateTime,
        JSONObject: GraphQLJSONObject,
      },
    }),
  });
  const server = createServer(yoga);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}/graphql`;
}
