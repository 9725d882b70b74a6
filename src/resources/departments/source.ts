import type { Upstream } from '../../upstream/client.ts';
import { readAll } from '../../upstream/lists.ts';
import { departmentListType } from './descriptor.ts';
import type { Department } from './model.ts';
import { departmentCodec } from './model.ts';

const endpoint = { path: '/departments', decodeRow: departmentCodec.fromWire };

export type DepartmentSource = ReturnType<typeof createDepartmentSource>;

/** HelpCrunch has no endpoint for a single department. */
export const createDepartmentSource = ({ cache }: Upstream) => ({
  has: (): boolean => cache.has(departmentListType, 'all'),
  cachedLength: (): number | undefined => cache.peek(departmentListType, 'all')?.rows.length,

  async all(): Promise<readonly Department[]> {
    const { rows } = await cache.getOrLoad(departmentListType, 'all', (send) =>
      readAll(send, endpoint),
    );
    return rows;
  },
});
