import type { Upstream } from '../../upstream/client.ts';
import { decodeList, decodeObject } from '../../upstream/decode.ts';
import { applicationListType } from './descriptor.ts';
import type { Application } from './model.ts';
import { applicationCodec } from './model.ts';

export type ApplicationSource = ReturnType<typeof createApplicationSource>;

/** The endpoint of applications has no paging. */
export const createApplicationSource = ({ cache }: Upstream) => ({
  has: (): boolean => cache.has(applicationListType, 'all'),
  cachedLength: (): number | undefined => cache.peek(applicationListType, 'all')?.rows.length,

  /** Whether the cached list of applications lacks this id. */
  isKnownMissing(id: string): boolean {
    return (
      cache.peek(applicationListType, 'all')?.rows.every((member) => member.id !== id) ?? false
    );
  },

  async all(): Promise<readonly Application[]> {
    const { rows } = await cache.getOrLoad(applicationListType, 'all', async (send) => {
      const body = await send({ effect: 'read', method: 'GET', path: '/applications' });
      const wires = decodeList(decodeObject(body, 'applications')['data'], 'applications.data');
      return { rows: wires.map(applicationCodec.fromWire), total: wires.length };
    });
    return rows;
  },
});
