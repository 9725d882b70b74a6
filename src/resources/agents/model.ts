import type { AgentRole } from '../../graphql/generated.ts';
import type { PartialEntity } from '../../lib/selection.ts';
import { isIdText, isText, objectOf, oneOf as isOneOf, orNull } from '../../lib/shape.ts';
import {
  decodeId,
  decodeIdOrNull,
  decodeEnum,
  decodeObject,
  decodeObjectOrNull,
  decodeText,
} from '../../upstream/decode.ts';

export interface Agent {
  readonly __typename: 'Agent';
  readonly id: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly role: AgentRole | null;
}

export type AgentPart = PartialEntity<Agent> & Pick<Agent, 'id'>;

const roles = {
  agentchatonly: 'AGENT_CHAT_ONLY',
  agent: 'AGENT',
  superviser: 'SUPERVISOR',
  supervisor: 'SUPERVISOR',
  admin: 'ADMIN',
} as const;

export function agentFromWire(value: unknown): Agent {
  const wire = decodeObject(value, 'agent');
  return {
    __typename: 'Agent',
    id: decodeId(wire['id'], 'agent.id'),
    name: decodeText(wire['name'], 'agent.name'),
    email: decodeText(wire['email'], 'agent.email'),
    role: decodeEnum(roles, wire['role'], 'agent.role'),
  };
}

/** An agent inside something else. What is not carried stays out; one without a readable id is null. */
export function agentPartFromWire(value: unknown, where: string): AgentPart | null {
  const wire = decodeObjectOrNull(value, where);
  const agentId = decodeIdOrNull(wire?.['id'], `${where}.id`);
  if (wire === null || agentId === null) return null;
  return {
    __typename: 'Agent',
    id: agentId,
    ...('name' in wire ? { name: decodeText(wire['name'], `${where}.name`) } : {}),
    ...('email' in wire ? { email: decodeText(wire['email'], `${where}.email`) } : {}),
    ...('role' in wire ? { role: decodeEnum(roles, wire['role'], `${where}.role`) } : {}),
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
