import type { Upstream } from '../../upstream/client.ts';
import { record } from '../../upstream/decode.ts';
import type { Organization } from './model.ts';
import { organizationFromWire } from './model.ts';

export type OrganizationSource = ReturnType<typeof createOrganizationSource>;

/** The organization endpoint: the only single read that comes wrapped in `data`. */
export const createOrganizationSource = ({ send }: Upstream) => ({
  async get(): Promise<Organization> {
    const body = await send({ effect: 'read', method: 'GET', path: '/organization' });
    return organizationFromWire(record(body, 'organization')['data']);
  },
});
