import { entityType } from '../../upstream/cache/cacheTypes.ts';
import type { Upstream } from '../../upstream/client.ts';
import { decodeObject } from '../../upstream/decode.ts';
import type { Organization } from './model.ts';
import { isOrganization, organizationFromWire } from './model.ts';

const organizations = entityType('HelpdeskOrganization', isOrganization, {
  ttlClass: 'account',
  isOnly: true,
});

export type OrganizationSource = ReturnType<typeof createOrganizationSource>;

/** The organization endpoint: the only single read that comes wrapped in `data`. */
export const createOrganizationSource = ({ cache }: Upstream) => ({
  has: (): boolean => cache.has(organizations, 'own'),

  get: (): Promise<Organization> =>
    cache.getOrLoad(organizations, 'own', async (send) => {
      const body = await send({ effect: 'read', method: 'GET', path: '/organization' });
      return organizationFromWire(decodeObject(body, 'organization')['data']);
    }),
});
