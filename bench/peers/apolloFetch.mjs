import { Agent } from 'node:http';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import fetch from 'node-fetch';
import { createDesk } from './desk.mjs';
import { enums, resolvers, typeDefs } from './schema.mjs';

/** Apollo Server as its documentation starts it, with the least data source over the gateway's HTTP client. */
export async function start(upstream) {
  const agent = new Agent({ keepAlive: true });
  async function ask(method, path, body) {
    const answer = await fetch(upstream + path, {
      agent,
      method,
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`Answered ${answer.status}.`);
    return answer.json();
  }
  const server = new ApolloServer({
    typeDefs,
    resolvers: { ...resolvers, ...enums, DateTime: GraphQLDateTime, JSONObject: GraphQLJSONObject },
  });
  const { url } = await startStandaloneServer(server, {
    listen: { host: '127.0.0.1', port: 0 },
    context: async () => ({ desk: createDesk(ask) }),
  });
  return url;
}
