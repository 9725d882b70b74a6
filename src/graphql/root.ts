import { badUserInput, forbidden } from '../support/clientError.ts';
import { fromNodeId } from '../support/ids.ts';
import { maxPageSize } from '../support/paging.ts';
import type { Context } from './context.ts';
import type { Resolvers, ResolversTypes } from './generated.ts';
import { keyRules } from './rules.ts';

type Loaders = Context['loaders'];
type LoadNode = (id: string, loaders: Loaders) => ResolversTypes['Node'];
type Load = (context: Pick<Context, 'loaders' | 'viewer'>) => ResolversTypes['Node'];

const nodeTypes = new Map<string, LoadNode>([
  ['Agent', (id, { agent }) => agent.load(id)],
  ['Chat', (id, { chat }) => chat.load(id)],
  ['Customer', (id, { customer }) => customer.load(id)],
  ['Department', (id, { department }) => department.load(id)],
]);

function nodeLoader(argument: string, nodeId: string): Load {
  const { type, id } = fromNodeId(argument, nodeId);
  const load = nodeTypes.get(type);
  if (load === undefined) throw badUserInput(argument, 'Give a value of some nodeId.');
  return ({ loaders, viewer }) => {
    if (viewer.role === 'CUSTOMER' && keyRules[type] === 'team') {
      throw forbidden(`${argument}: A ${type} is for the team alone.`);
    }
    return load(id, loaders);
  };
}

/** The fields that belong to no resource. */
export const rootResolvers: Resolvers = {
  Query: {
    node: (_root, { nodeId }, context) => nodeLoader('nodeId', nodeId)(context),
    nodes(_root, { nodeIds }, context) {
      if (nodeIds.length > maxPageSize) {
        throw badUserInput('nodeIds', `Ask for at most ${maxPageSize}.`);
      }
      // All are read before any is fetched, so that a bad one costs no call.
      return nodeIds
        .map((nodeId) => nodeLoader('nodeIds', nodeId))
        .map(async (load) => load(context));
    },
    viewer: (_root, _args, { viewer }) => viewer,
    rateLimit: (_root, _args, { rate }) => rate.latest(),
  },
};
