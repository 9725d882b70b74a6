import { RESTDataSource } from '@apollo/datasource-rest';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import { createDesk } from './desk.mjs';
import { enums, resolvers, typeDefs } from './schema.mjs';

/** Its cache obeys the upstream's headers, of which there are none, so a minute is given to each answer here. */
class HelpCrunchAPI extends RESTDataSource {
  constructor(baseURL, cache, ttl) {
    super({ cache });
    this.baseURL = baseURL;
    this.ttl = ttl;
  }

  cacheOptionsFor() {
    return { ttl: this.ttl };
  }
}

/** Apollo Server as its documentation starts it, with its REST data source. */
export async function start(upstream, ttl = 0) {
  const server = new ApolloServer({
    typeDefs,
    resolvers: {
      ...resolvers,
      ...enums,
      DateTime: GraphQLDateTime,
      JSONObject: GraphQLJSONObject,
    },
  });
  const { cache } = server;
  const { url } = await startStandaloneServer(server, {
    listen: { host: '127.0.0.1', port: 0 },
    context: async () => {
      const source = new HelpCrunchAPI(upstream, cache, ttl);
      const ask = (method, path, body) =>
        method === 'GET' ? source.get(path) : source[method.toLowerCase()](path, { body });
      return { desk: createDesk(ask) };
    },
  });
  return url;
}
