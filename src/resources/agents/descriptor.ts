import { listType } from '../../upstream/cache/cacheTypes.ts';
import type { ResourceDescriptor } from '../declarations.ts';
import { nodeIdField, publicField, staffField } from '../declarations.ts';
import { agentCodec } from './model.ts';

export const agentListType = listType('Agent', agentCodec.shape, { ttlClass: 'account' });

const count = { worst: 50, typical: 10 };

export const agentDescriptor = {
  idsPerCall: { agents: Infinity },
  entity: { typename: 'Agent', kind: 'agents', policy: 'public', count },
  fields: {
    Query: {
      agent: {
        policy: 'public',
        cost: { strategy: 'lookup', kind: 'agents', argument: 'id' },
      },
      agents: {
        policy: 'public',
        cost: { strategy: 'collection', kind: 'agents', length: count },
      },
    },
    Agent: {
      nodeId: nodeIdField,
      id: publicField,
      name: publicField,
      email: staffField,
      role: staffField,
      chats: { policy: 'staff', cost: { strategy: 'ownedChats' }, derivedFrom: 'id' },
    },
  },
} as const satisfies ResourceDescriptor;
