import type { EntityOf, EntityPart } from '../../upstream/codec.ts';
import { entityCodec, id, listOfPresent, text, withDefault } from '../../upstream/codec.ts';
import { agentCodec } from '../agents/model.ts';

export const departmentCodec = entityCodec(
  'Department',
  { id, name: withDefault(text, ''), agents: listOfPresent(agentCodec.part) },
  { embedded: ['name'] },
);

export type Department = EntityOf<typeof departmentCodec>;
export type DepartmentPart = EntityPart<Department>;
