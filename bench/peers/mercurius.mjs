import { makeExecutableSchema } from '@graphql-tools/schema';
import fastify from 'fastify';
import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import mercurius from 'mercurius';
import { request } from 'undici';
import { createDesk } from './desk.mjs';
import { enums, resolvers, typeDefs } from './schema.mjs';

export async function start(upstream, jit = 0) {
  const ask = async (method, path, body) => {
    const answer = await request(upstream + path, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return answer.body.json();
  };
  const schema = makeExecutableSchema({
    typeDefs,
    resolvers: { ...resolvers, ...enums, DateTime: GraphQLDateTime, JSONObject: GraphQLJSONObject },
  });
  const app = fastify();
  await app.register(mercurius, { schema, jit, context: () => ({ desk: createDesk(ask) }) });
  return `${await app.listen({ host: '127.0.0.1', port: 0 })}/graphql`;
}
