import type { Part } from '../../support/selection.ts';
import { isIdText, isText, listOf, objectOf, oneOf } from '../../support/shape.ts';
import { id, idOrNull, listOrEmpty, record, recordOrNull, text } from '../../upstream/decode.ts';
import type { AgentPart } from '../agents/model.ts';
import { agentPartFromWire, isAgentPart } from '../agents/model.ts';

export interface Department {
  readonly __typename: 'Department';
  readonly id: string;
  readonly name: string;
  readonly agents: readonly AgentPart[];
}

export type DepartmentPart = Part<Department> & Pick<Department, 'id'>;

export function departmentFromWire(value: unknown): Department {
  const wire = record(value, 'department');
  return {
    __typename: 'Department',
    id: id(wire['id'], 'department.id'),
    name: text(wire['name'], 'department.name') ?? '',
    agents: listOrEmpty(wire['agents'], 'department.agents').flatMap(
      (agent) => agentPartFromWire(agent, 'department.agents') ?? [],
    ),
  };
}

/** A department inside something else. What is not carried stays out; one without a readable id is null. */
export function departmentPartFromWire(value: unknown, where: string): DepartmentPart | null {
  const wire = recordOrNull(value, where);
  const departmentId = idOrNull(wire?.['id'], `${where}.id`);
  if (wire === null || departmentId === null) return null;
  return {
    __typename: 'Department',
    id: departmentId,
    ...('name' in wire ? { name: text(wire['name'], `${where}.name`) ?? '' } : {}),
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
