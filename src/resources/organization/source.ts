import { entityKind } from '../../upstream/cache/kinds.ts';
import type { Upstream } from '../../upstream/client.ts';
import { record } from '../../upstream/decode.ts';
import type { Organization } from './model.ts';
import { isOrganization, organizationFromWire } from './model.ts';

const organizations = entityKind('Organization', isOrganization, {
  freshness: 'account',
  isOnly: true,
});

export type OrganizationSource = ReturnType<typeof createOrganizationSource>;

/** The organization endpoint: the only single read that comes wrapped in `data`. */
export const createOrganizationSource = ({ cache }: Upstream) => ({
  isKnown: (): boolean => cache.isKnown(organizations, 'own'),

  get: (): Promise<Organization> =>
    cache.one(organizations, 'own', async (send) => {
      const body = await send({ effect: 'read', method: 'GET', path: '/organization' });
      return organizationFromWire(record(body, 'organization')['data']);
    }),
});
