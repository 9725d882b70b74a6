import { badUserInputError, forbiddenError } from '../../lib/clientError.ts';
import { fromNodeId } from '../../lib/ids.ts';
import { maxPageSize } from '../../lib/paging.ts';
import { entitiesByType } from '../../resources/registry.ts';
import type { Context } from '../context.ts';
import type { Resolvers, ResolversTypes } from '../resolvers.generated.ts';

type ContextLoaders = Context['loaders'];
type LoadNode = (id: string, loaders: ContextLoaders) => ResolversTypes['Node'];
type LoadNodeFor = (context: Pick<Context, 'loaders' | 'viewer'>) => ResolversTypes['Node'];

const nodeLoaders = new Map<string, LoadNode>([
  ['Agent', (id, { agents }) => agents.load(id)],
  ['Chat', (id, { chats }) => chats.load(id)],
  ['Customer', (id, { customers }) => customers.load(id)],
  ['Department', (id, { departments }) => departments.load(id)],
]);

function nodeLoader(argument: string, nodeId: string): LoadNodeFor {
  const { type, id } = fromNodeId(argument, nodeId);
  const load = nodeLoaders.get(type);
  if (load === undefined) throw badUserInputError(argument, 'Give a value of some nodeId.');
  return ({ loaders, viewer }) => {
    if (viewer.role === 'CUSTOMER' && entitiesByType.get(type)?.policy === 'staff') {
      throw forbiddenError(`${argument}: A ${type} is for the team alone.`);
    }
    return load(id, loaders);
  };
}

/** Resolvers of the fields that no resource owns. */
export const rootResolvers: Resolvers = {
  Query: {
    node: (_root, { nodeId }, context) => nodeLoader('nodeId', nodeId)(context),
    nodes(_root, { nodeIds }, context) {
      if (nodeIds.length > maxPageSize) {
        throw badUserInputError('nodeIds', `must have at most ${maxPageSize} items.`);
      }
      // All are decoded before the first fetch, so that an invalid id costs no call.
      return nodeIds
        .map((nodeId) => nodeLoader('nodeIds', nodeId))
        .map(async (load) => load(context));
    },
    viewer: (_root, _args, { viewer }) => viewer,
    rateLimit: (_root, _args, { quota }) => quota.refresh(),
  },
};
