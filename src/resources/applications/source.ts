import type { Upstream } from '../../upstream/client.ts';
import { list, record } from '../../upstream/decode.ts';
import type { Application } from './model.ts';
import { applicationFromWire } from './model.ts';

export type ApplicationSource = ReturnType<typeof createApplicationSource>;

/** The application endpoint, which knows no paging. */
export const createApplicationSource = ({ send }: Upstream) => ({
  async all(): Promise<readonly Application[]> {
    const body = await send({ effect: 'read', method: 'GET', path: '/applications' });
    return list(record(body, 'applications')['data'], 'applications.data').map(applicationFromWire);
  },
});
