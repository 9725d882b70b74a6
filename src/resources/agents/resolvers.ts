import type { GraphQLResolveInfo } from 'graphql';
import type { Context } from '../../graphql/context.ts';
import type { Resolvers } from '../../graphql/resolvers.generated.ts';
import { parseUpstreamId, toNodeId } from '../../lib/ids.ts';
import { representationValues } from '../../lib/selection.ts';
import type { AgentPart } from './model.ts';

type AgentLoader = Context['loaders']['agent'];

/** Those of a list who are still there. */
async function resolveAgents(
  partials: readonly AgentPart[],
  agents: AgentLoader,
  info: GraphQLResolveInfo,
) {
  const found = await Promise.all(partials.map(async (part) => agents.resolvePartial(part, info)));
  return found.filter((agent) => agent !== null);
}

export const agentResolvers: Resolvers = {
  Query: {
    agent: (_root, { id }, { loaders }) => loaders.agent.load(parseUpstreamId('id', id)),
    agents: (_root, _args, { loaders }) => loaders.agent.all(),
  },
  Chat: {
    agents: ({ agents }, _args, { loaders }, info) => resolveAgents(agents, loaders.agent, info),
    assignee: ({ assignee }, _args, { loaders }, info) =>
      assignee === null ? null : loaders.agent.resolvePartial(assignee, info),
    lastCommunicatedAgent(
      { lastCommunicatedAgentId: id, agents, assignee },
      _args,
      { loaders },
      info,
    ) {
      if (id === null) return null;
      // Who last wrote is usually carried already, among those who wrote or as the one in charge.
      const carried = [...agents, assignee].find((agent) => agent?.id === id);
      return loaders.agent.resolvePartial(carried ?? { __typename: 'Agent', id }, info);
    },
  },
  Department: {
    agents: ({ agents }, _args, { loaders }, info) => resolveAgents(agents, loaders.agent, info),
  },
  ChatMessage: {
    agent: ({ agent }, _args, { loaders }, info) =>
      agent === null ? null : loaders.agent.resolvePartial(agent, info),
  },
  HelpdeskViewer: {
    agent: (_viewer, _args, { viewer, loaders }, info) =>
      viewer.role === 'AGENT' && viewer.agentId !== undefined
        ? loaders.agent.resolvePartial({ __typename: 'Agent', id: viewer.agentId }, info)
        : null,
  },
  Agent: {
    __resolveReference: (reference, { loaders }, info) =>
      loaders.agent.resolvePartial(
        {
          ...representationValues(reference, info),
          __typename: 'Agent',
          id: parseUpstreamId('id', reference.id),
        },
        info,
      ),
    nodeId: ({ id }) => toNodeId('Agent', id),
  },
};
