import { rowsKind } from '../../upstream/cache/kinds.ts';
import type { Upstream } from '../../upstream/client.ts';
import { list, record } from '../../upstream/decode.ts';
import type { Application } from './model.ts';
import { applicationFromWire, isApplication } from './model.ts';

const applicationLists = rowsKind('Application', isApplication, { freshness: 'account' });

export type ApplicationSource = ReturnType<typeof createApplicationSource>;

/** The application endpoint, which knows no paging. */
export const createApplicationSource = ({ cache }: Upstream) => ({
  isKnown: (): boolean => cache.isKnown(applicationLists, 'all'),

  async all(): Promise<readonly Application[]> {
    const { rows } = await cache.one(applicationLists, 'all', async (send) => {
      const body = await send({ effect: 'read', method: 'GET', path: '/applications' });
      const wires = list(record(body, 'applications')['data'], 'applications.data');
      return { rows: wires.map(applicationFromWire), total: wires.length };
    });
    return rows;
  },
});
