import type { Upstream } from '../../upstream/client.ts';
import { createCollectionSource } from '../../upstream/collectionSource.ts';
import { readAll } from '../../upstream/lists.ts';
import { departmentListType } from './descriptor.ts';
import { departmentCodec } from './model.ts';

const endpoint = { path: '/departments', decodeRow: departmentCodec.fromWire };

export type DepartmentSource = ReturnType<typeof createDepartmentSource>;

export const createDepartmentSource = (upstream: Upstream) =>
  createCollectionSource(upstream, departmentListType, (send) => readAll(send, endpoint));
