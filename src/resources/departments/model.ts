import type { PartialEntity } from '../../lib/selection.ts';
import { isIdText, isText, listOf, objectOf, oneOf } from '../../lib/shape.ts';
import {
  decodeId,
  decodeIdOrNull,
  decodeListOrEmpty,
  decodeObject,
  decodeObjectOrNull,
  decodeText,
} from '../../upstream/decode.ts';
import type { AgentPart } from '../agents/model.ts';
import { agentPartFromWire, isAgentPart } from '../agents/model.ts';

export interface Department {
  readonly __typename: 'Department';
  readonly id: string;
  readonly name: string;
  readonly agents: readonly AgentPart[];
}

export type DepartmentPart = PartialEntity<Department> & Pick<Department, 'id'>;

export function departmentFromWire(value: unknown): Department {
  const wire = decodeObject(value, 'department');
  return {
    __typename: 'Department',
    id: decodeId(wire['id'], 'department.id'),
    name: decodeText(wire['name'], 'department.name') ?? '',
    agents: decodeListOrEmpty(wire['agents'], 'department.agents').flatMap(
      (agent) => agentPartFromWire(agent, 'department.agents') ?? [],
    ),
  };
}

/** A department inside something else. What is not carried stays out; one without a readable id is null. */
export function departmentPartFromWire(value: unknown, where: string): DepartmentPart | null {
  const wire = decodeObjectOrNull(value, where);
  const departmentId = decodeIdOrNull(wire?.['id'], `${where}.id`);
  if (wire === null || departmentId === null) return null;
  return {
    __typename: 'Department',
    id: departmentId,
    ...('name' in wire ? { name: decodeText(wire['name'], `${where}.name`) ?? '' } : {}),
  };
}

const departmentFields = {
  __typename: oneOf('Department'),
  id: isIdText,
  name: isText,
  agents: listOf(isAgentPart),
};

export const isDepartment = objectOf<Department>(departmentFields);
export const isDepartmentPart = objectOf<DepartmentPart>(departmentFields, ['__typename', 'id']);
