import { rowsKind } from '../../upstream/cache/kinds.ts';
import type { Upstream } from '../../upstream/client.ts';
import { readAll } from '../../upstream/lists.ts';
import type { Department } from './model.ts';
import { departmentFromWire, isDepartment } from './model.ts';

const departments = { path: '/departments', rowFromWire: departmentFromWire };

const departmentLists = rowsKind('Department', isDepartment, { freshness: 'account' });

export type DepartmentSource = ReturnType<typeof createDepartmentSource>;

/** The department endpoints. There is none for a single department. */
export const createDepartmentSource = ({ cache }: Upstream) => ({
  isKnown: (): boolean => cache.isKnown(departmentLists, 'all'),

  async all(): Promise<readonly Department[]> {
    const { rows } = await cache.one(departmentLists, 'all', (send) => readAll(send, departments));
    return rows;
  },
});
