import type { Upstream } from '../../upstream/client.ts';
import { decodeList, decodeObject } from '../../upstream/decode.ts';
import { applicationListType } from './descriptor.ts';
import type { Application } from './model.ts';
import { applicationCodec } from './model.ts';

export type ApplicationSource = ReturnType<typeof createApplicationSource>;

/** The endpoint of applications has no paging. */
export const createApplicationSource = ({ cache }: Upstream) => ({
  has: (): boolean => cache.has(applicationListType, 'all'),

  async all(): Promise<readonly Application[]> {
    const { rows } = await cache.getOrLoad(applicationListType, 'all', async (send) => {
      const body = await send({ effect: 'read', method: 'GET', path: '/applications' });
      const wires = decodeList(decodeObject(body, 'applications')['data'], 'applications.data');
      return { rows: wires.map(applicationCodec.fromWire), total: wires.length };
    });
    return rows;
  },
});
