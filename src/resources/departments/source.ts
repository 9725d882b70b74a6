import type { Upstream } from '../../upstream/client.ts';
import { readAll } from '../../upstream/lists.ts';
import type { Department } from './model.ts';
import { departmentFromWire } from './model.ts';

export type DepartmentSource = ReturnType<typeof createDepartmentSource>;

/** The department endpoints. There is none for a single department. */
export const createDepartmentSource = (upstream: Upstream) => ({
  all: (): Promise<readonly Department[]> =>
    readAll(upstream, { path: '/departments', rowFromWire: departmentFromWire }),
});
