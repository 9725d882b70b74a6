import type { Upstream } from '../../upstream/client.ts';
import { decodeObject } from '../../upstream/decode.ts';
import { rethrowNotFoundAsMalformed } from '../../upstream/errors.ts';
import { refreshedSingly } from '../../upstream/refresh/refreshableType.ts';
import { organizationType } from './descriptor.ts';
import type { Organization } from './model.ts';
import { organizationCodec } from './model.ts';

export type OrganizationSource = ReturnType<typeof createOrganizationSource>;

/** The only endpoint of a single entity whose response is wrapped in `data`. */
export function createOrganizationSource({ cache }: Upstream) {
  const get = (): Promise<Organization> =>
    cache.getOrLoad(organizationType, 'own', async (send) => {
      const call = { effect: 'read', method: 'GET', path: '/organization' } as const;
      const body = await send(call).catch(rethrowNotFoundAsMalformed);
      return organizationCodec.fromWire(decodeObject(body, 'organization')['data']);
    });

  return {
    has: (): boolean => cache.has(organizationType, 'own'),
    get,
    refreshable: () => [
      refreshedSingly({ type: organizationType, accepts: (name) => name === 'own' }, get),
    ],
  };
}
