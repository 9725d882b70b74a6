import { entityType } from '../../upstream/cache/cacheTypes.ts';
import type { ResourceDescriptor } from '../declarations.ts';
import { staffField } from '../declarations.ts';
import { organizationCodec } from './model.ts';

export const organizationType = entityType('HelpdeskOrganization', organizationCodec.shape, {
  ttlClass: 'account',
  isOnly: true,
});

export const organizationDescriptor = {
  idsPerCall: { organization: Infinity },
  fields: {
    Query: {
      organization: {
        policy: 'staff',
        cost: { strategy: 'collection', kind: 'organization' },
      },
    },
    HelpdeskOrganization: {
      id: staffField,
      domain: staffField,
      teamOnline: staffField,
      chatEnabled: staffField,
    },
  },
} as const satisfies ResourceDescriptor;
