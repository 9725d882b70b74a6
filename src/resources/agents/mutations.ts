import type { MutationUnsubscribeAgentArgs } from '../../graphql/generated.ts';
import type { MutationDeclaration } from '../mutation.ts';
import { mutationFieldDeclarations } from '../mutation.ts';
import type { AgentPart } from './model.ts';

const unsubscribeAgent: MutationDeclaration<MutationUnsubscribeAgentArgs, AgentPart, never, never> =
  {
    policy: 'staff',
    isOptIn: true,
    ids: ['id'],
    calls: 1,
    retry: 'never',
    fields: {},
    invalidates: [],
    publishes: [],
    async execute({ session, args: { id } }) {
      await session.send({ method: 'GET', path: `/agents/${id}/unsubscribe` }, 'never');
      return { __typename: 'Agent', id };
    },
  };

export const agentMutations = { unsubscribeAgent };

export const agentMutationFields = mutationFieldDeclarations(
  { kind: 'agents', embeds: [] },
  agentMutations,
);
