import type { GraphQLResolveInfo } from 'graphql';
import type { Context } from '../../graphql/context.ts';
import type { Resolvers } from '../../graphql/resolvers.generated.ts';
import { parseUpstreamId, toNodeId } from '../../lib/ids.ts';
import { resolveById } from '../../lib/representation.ts';
import type { ChatPart } from '../chats/model.ts';
import type { MutationGroup } from '../runMutation.ts';
import { mutationResolvers, rejectCustomer } from '../runMutation.ts';
import { agentListType } from './descriptor.ts';
import type { Agent, AgentPart } from './model.ts';
import { agentMutations } from './mutations.ts';

type AgentLoader = Context['loaders']['agents'];

const isLoaded = (agent: Agent | Promise<Agent | null>): agent is Agent =>
  !(agent instanceof Promise);

/** Agents that do not exist any more are left out. */
function resolveAgents(
  partials: readonly AgentPart[],
  loader: AgentLoader,
  info: GraphQLResolveInfo,
) {
  const agents = partials.map((part) => loader.resolvePartial(part, info));
  if (agents.every(isLoaded)) return agents;
  const pending = agents.map((agent) => Promise.resolve(agent));
  return Promise.all(pending).then((found) => found.filter((agent) => agent !== null));
}

/** The agents that the chat embeds, usually with the one who wrote last; none if only a part of the chat is known. */
const embeddedAgents = (chat: ChatPart): readonly (AgentPart | null)[] =>
  Object.hasOwn(chat, 'agents') ? [...(chat.agents ?? []), chat.assignee ?? null] : [];

const agentMutationGroup: MutationGroup<{ readonly id: string }, AgentPart, never> = {
  queueOf: ({ id }) => ({ type: agentListType, id }),
  verifyOwner: rejectCustomer,
  eventsOf: () => [],
  webhookChangeKey: () => undefined,
};

const { unsubscribeAgent } = mutationResolvers(agentMutationGroup, agentMutations);

export const agentResolvers: Resolvers = {
  Mutation: {
    unsubscribeAgent: async (root, args, context, info) =>
      context.loaders.agents.resolvePartial(await unsubscribeAgent(root, args, context), info),
  },
  Query: {
    agent: (_root, { id }, { loaders }) => loaders.agents.load(parseUpstreamId('id', id)),
    agents: (_root, _args, { loaders }) => loaders.agents.all(),
  },
  Chat: {
    agents: ({ agents }, _args, { loaders }, info) => resolveAgents(agents, loaders.agents, info),
    assignee: ({ assignee }, _args, { loaders }, info) =>
      assignee === null ? null : loaders.agents.resolvePartial(assignee, info),
    lastCommunicatedAgent(chat: ChatPart, _args, { loaders }, info) {
      const { lastCommunicatedAgentId: id } = chat;
      if (typeof id !== 'string') return null;
      const embedded = embeddedAgents(chat).find((agent) => agent?.id === id);
      return loaders.agents.resolvePartial(embedded ?? { __typename: 'Agent', id }, info);
    },
  },
  Department: {
    agents: ({ agents }, _args, { loaders }, info) => resolveAgents(agents, loaders.agents, info),
  },
  ChatMessage: {
    agent: ({ agent }, _args, { loaders }, info) =>
      agent === null ? null : loaders.agents.resolvePartial(agent, info),
  },
  HelpdeskViewer: {
    agent: (_viewer, _args, { viewer, loaders }, info) =>
      viewer.role === 'AGENT' && viewer.agentId !== undefined
        ? loaders.agents.resolvePartial({ __typename: 'Agent', id: viewer.agentId }, info)
        : null,
  },
  Agent: {
    __resolveReference: (reference, { loaders }, info) =>
      resolveById(reference, info, (part) => loaders.agents.resolvePartial(part, info)),
    nodeId: ({ id }) => toNodeId('Agent', id),
  },
};
