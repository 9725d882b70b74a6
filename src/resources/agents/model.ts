import type { AgentRole } from '../../graphql/generated.ts';
import type { Part } from '../../support/selection.ts';
import { isIdText, isText, objectOf, oneOf as isOneOf, orNull } from '../../support/shape.ts';
import { id, idOrNull, oneOf, record, recordOrNull, text } from '../../upstream/decode.ts';

export interface Agent {
  readonly __typename: 'Agent';
  readonly id: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly role: AgentRole | null;
}

export type AgentPart = Part<Agent> & Pick<Agent, 'id'>;

const roles = {
  agentchatonly: 'AGENT_CHAT_ONLY',
  agent: 'AGENT',
  superviser: 'SUPERVISOR',
  supervisor: 'SUPERVISOR',
  admin: 'ADMIN',
} as const;

export function agentFromWire(value: unknown): Agent {
  const wire = record(value, 'agent');
  return {
    __typename: 'Agent',
    id: id(wire['id'], 'agent.id'),
    name: text(wire['name'], 'agent.name'),
    email: text(wire['email'], 'agent.email'),
    role: oneOf(roles, wire['role'], 'agent.role'),
  };
}

/** An agent inside something else. What is not carried stays out; one without a readable id is null. */
export function agentPartFromWire(value: unknown, where: string): AgentPart | null {
  const wire = recordOrNull(value, where);
  const agentId = idOrNull(wire?.['id'], `${where}.id`);
  if (wire === null || agentId === null) return null;
  return {
    __typename: 'Agent',
    id: agentId,
    ...('name' in wire ? { name: text(wire['name'], `${where}.name`) } : {}),
    ...('email' in wire ? { email: text(wire['email'], `${where}.email`) } : {}),
    ...('role' in wire ? { role: oneOf(roles, wire['role'], `${where}.role`) } : {}),
  };
}

const agentFields = {
  __typename: isOneOf('Agent'),
  id: isIdText,
  name: orNull(isText),
  email: orNull(isText),
  role: orNull(isOneOf('UNKNOWN', ...Object.values(roles))),
};

export const isAgent = objectOf<Agent>(agentFields);
export const isAgentPart = objectOf<AgentPart>(agentFields, ['__typename', 'id']);
