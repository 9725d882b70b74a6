import type { AgentRole } from '../../graphql/generated.ts';
import type { EntityOf, EntityPart } from '../../upstream/codec.ts';
import { entityCodec, enumOf, id, text } from '../../upstream/codec.ts';

const roles = {
  agentchatonly: 'AGENT_CHAT_ONLY',
  agent: 'AGENT',
  superviser: 'SUPERVISOR',
  supervisor: 'SUPERVISOR',
  admin: 'ADMIN',
} as const;

export const agentCodec = entityCodec(
  'Agent',
  { id, name: text, email: text, role: enumOf<AgentRole>(roles) },
  { embedded: ['name', 'email', 'role'] },
);

export type Agent = EntityOf<typeof agentCodec>;
export type AgentPart = EntityPart<Agent>;
