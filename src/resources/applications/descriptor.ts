import { listType } from '../../upstream/cache/cacheTypes.ts';
import type { ResourceDescriptor } from '../declarations.ts';
import { publicField } from '../declarations.ts';
import { applicationCodec } from './model.ts';

export const applicationListType = listType('ChatApplication', applicationCodec.shape, {
  ttlClass: 'account',
});

const count = { worst: 5, typical: 2 };

export const applicationDescriptor = {
  idsPerCall: { applications: Infinity },
  entity: { typename: 'ChatApplication', kind: 'applications', policy: 'staff', count },
  fields: {
    Query: {
      applications: {
        policy: 'staff',
        cost: { strategy: 'collection', kind: 'applications', length: count },
      },
    },
    ChatApplication: {
      id: publicField,
      name: publicField,
      displayName: publicField,
      type: publicField,
      active: publicField,
    },
  },
} as const satisfies ResourceDescriptor;
