import { listType } from '../../upstream/cache/cacheTypes.ts';
import { agentCodec } from '../agents/model.ts';
import type { ResourceDescriptor } from '../declarations.ts';
import { nodeIdField, publicField } from '../declarations.ts';
import { departmentCodec } from './model.ts';

export const departmentListType = listType('Department', departmentCodec.shape, {
  ttlClass: 'account',
});

const count = { worst: 10, typical: 3 };
const agentsPerDepartment = { worst: 20, typical: 5 };

export const departmentDescriptor = {
  idsPerCall: { departments: Infinity },
  entity: { typename: 'Department', kind: 'departments', policy: 'staff', count },
  fields: {
    Query: {
      department: {
        policy: 'staff',
        cost: { strategy: 'lookup', kind: 'departments', argument: 'id' },
      },
      departments: {
        policy: 'staff',
        cost: { strategy: 'collection', kind: 'departments', length: count },
      },
    },
    Department: {
      nodeId: nodeIdField,
      id: publicField,
      name: publicField,
      agents: {
        policy: 'staff',
        cost: {
          strategy: 'partial',
          embeds: agentCodec.embeddedFields,
          length: agentsPerDepartment,
        },
      },
      chats: { policy: 'staff', cost: { strategy: 'ownedChats' }, derivedFrom: 'id' },
    },
  },
} as const satisfies ResourceDescriptor;
