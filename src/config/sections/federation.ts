import { z } from 'zod';
import { boolean, rootFields } from '../parsers.ts';
import { setting } from '../setting.ts';

export const federation = {
  subgraph: setting('SUBGRAPH', boolean, {
    default: false,
    description:
      'Serves the schema as a subgraph of a supergraph ([federation.md](federation.md)).',
  }),
  excludedRootFields: setting('SUBGRAPH_EXCLUDE_FIELDS', rootFields, {
    default: [],
    formerName: 'SUBGRAPH_LEAVE_OUT',
    description:
      'Root fields that the served subgraph schema omits because another subgraph has them, such as `node,Mutation.markChatRead`. The type defaults to `Query`.',
  }),
  routerSecret: setting(
    'ROUTER_SECRET',
    z
      .string()
      .regex(/^[\x21-\x7e]{32,}$/, 'must be at least 32 printable ASCII characters without spaces')
      .describe('at least 32 printable ASCII characters'),
    {
      isSecret: true,
      description:
        'Secret with which the router authenticates itself, in the header `X-Router-Secret` ([federation.md](federation.md#the-router)).',
    },
  ),
  isRouterOnly: setting('ROUTER_ONLY', boolean, {
    default: false,
    description:
      '`true` rejects clients without `ROUTER_SECRET` at GraphQL endpoints. `false`: they are ordinary clients.',
  }),
  routerMayCache: setting('ROUTER_MAY_CACHE', boolean, {
    default: false,
    description:
      'Sends `Cache-Control: private, max-age` to a router that sends `ROUTER_SECRET` ([federation.md](federation.md#caching-in-the-router)).',
  }),
};
