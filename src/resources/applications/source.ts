import { listType } from '../../upstream/cache/cacheTypes.ts';
import type { Upstream } from '../../upstream/client.ts';
import { decodeList, decodeObject } from '../../upstream/decode.ts';
import type { Application } from './model.ts';
import { applicationFromWire, isApplication } from './model.ts';

const applicationLists = listType('ChatApplication', isApplication, { ttlClass: 'account' });

export type ApplicationSource = ReturnType<typeof createApplicationSource>;

/** The application endpoint, which knows no paging. */
export const createApplicationSource = ({ cache }: Upstream) => ({
  has: (): boolean => cache.has(applicationLists, 'all'),

  async all(): Promise<readonly Application[]> {
    const { rows } = await cache.getOrLoad(applicationLists, 'all', async (send) => {
      const body = await send({ effect: 'read', method: 'GET', path: '/applications' });
      const wires = decodeList(decodeObject(body, 'applications')['data'], 'applications.data');
      return { rows: wires.map(applicationFromWire), total: wires.length };
    });
    return rows;
  },
});
