import type { GraphQLResolveInfo } from 'graphql';
import { badUserInputError, forbiddenError } from '../../lib/clientError.ts';
import { fromNodeId } from '../../lib/ids.ts';
import { maxPageSize } from '../../lib/paging.ts';
import { entitiesByType } from '../../resources/registry.ts';
import type { Context } from '../context.ts';
import type { Resolvers, ResolversTypes } from '../resolvers.generated.ts';

type ContextLoaders = Context['loaders'];
type LoadNode = (
  id: string,
  loaders: ContextLoaders,
  info: GraphQLResolveInfo,
) => ResolversTypes['Node'];

const nodeLoaders = new Map<string, LoadNode>([
  ['Agent', (id, { agents }) => agents.load(id)],
  ['Chat', (id, { chats }, info) => chats.loadSelected(id, info)],
  ['Customer', (id, { customers }) => customers.load(id)],
  ['Department', (id, { departments }) => departments.load(id)],
]);

function loadNode(
  argument: string,
  nodeId: string,
  { loaders, viewer }: Pick<Context, 'loaders' | 'viewer'>,
  info: GraphQLResolveInfo,
): ResolversTypes['Node'] {
  const { type, id } = fromNodeId(argument, nodeId);
  const load = nodeLoaders.get(type);
  if (load === undefined) throw badUserInputError(argument, 'must be the nodeId of an object.');
  if (viewer.role === 'CUSTOMER' && entitiesByType.get(type)?.policy === 'staff') {
    throw forbiddenError(`${argument}: ${type} is not available to customers.`);
  }
  return load(id, loaders, info);
}

/** Resolvers of the fields that no resource owns. */
export const rootResolvers: Resolvers = {
  Query: {
    node: (_root, { nodeId }, context, info) => loadNode('nodeId', nodeId, context, info),
    nodes(_root, { nodeIds }, context, info) {
      if (nodeIds.length > maxPageSize) {
        throw badUserInputError('nodeIds', `must have at most ${maxPageSize} items.`);
      }
      // Asynchronous, so that an invalid id fails its own entry only.
      return nodeIds.map(async (nodeId, index) =>
        loadNode(`nodeIds[${index}]`, nodeId, context, info),
      );
    },
    viewer: (_root, _args, { viewer }) => viewer,
    rateLimit: (_root, _args, { quota }) => quota.refresh(),
  },
};
