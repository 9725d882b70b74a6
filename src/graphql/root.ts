import { badUserInput } from '../support/clientError.ts';
import { fromNodeId } from '../support/ids.ts';
import { maxPageSize } from '../support/paging.ts';
import type { Context } from './context.ts';
import type { Resolvers, ResolversTypes } from './generated.ts';

type Loaders = Context['loaders'];
type LoadNode = (id: string, loaders: Loaders) => ResolversTypes['Node'];

const nodeTypes = new Map<string, LoadNode>([
  ['Agent', (id, { agent }) => agent.load(id)],
  ['Chat', (id, { chat }) => chat.load(id)],
  ['Customer', (id, { customer }) => customer.load(id)],
  ['Department', (id, { department }) => department.load(id)],
]);

function nodeLoader(
  argument: string,
  nodeId: string,
): (loaders: Loaders) => ResolversTypes['Node'] {
  const { type, id } = fromNodeId(argument, nodeId);
  const load = nodeTypes.get(type);
  if (load === undefined) throw badUserInput(argument, 'Give a value of some nodeId.');
  return (loaders) => load(id, loaders);
}

/** The fields that belong to no resource. */
export const rootResolvers: Resolvers = {
  Query: {
    node: (_root, { nodeId }, { loaders }) => nodeLoader('nodeId', nodeId)(loaders),
    nodes(_root, { nodeIds }, { loaders }) {
      if (nodeIds.length > maxPageSize) {
        throw badUserInput('nodeIds', `Ask for at most ${maxPageSize}.`);
      }
      // All are read before any is fetched, so that a bad one costs no call.
      return nodeIds.map((nodeId) => nodeLoader('nodeIds', nodeId)).map((load) => load(loaders));
    },
    viewer: (_root, _args, { viewer }) => ({ role: viewer.role, agent: null, customer: null }),
    rateLimit: (_root, _args, { rate }) => rate.latest(),
  },
};
