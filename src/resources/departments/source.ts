import { listType } from '../../upstream/cache/cacheTypes.ts';
import type { Upstream } from '../../upstream/client.ts';
import { readAll } from '../../upstream/lists.ts';
import type { Department } from './model.ts';
import { departmentFromWire, isDepartment } from './model.ts';

const departmentEndpoint = { path: '/departments', decodeRow: departmentFromWire };

const departmentListType = listType('Department', isDepartment, { ttlClass: 'account' });

export type DepartmentSource = ReturnType<typeof createDepartmentSource>;

/** The department endpoints. There is none for a single department. */
export const createDepartmentSource = ({ cache }: Upstream) => ({
  has: (): boolean => cache.has(departmentListType, 'all'),

  async all(): Promise<readonly Department[]> {
    const { rows } = await cache.getOrLoad(departmentListType, 'all', (send) =>
      readAll(send, departmentEndpoint),
    );
    return rows;
  },
});
