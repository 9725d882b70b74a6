import { createCollectionLoader } from '../../upstream/collectionLoader.ts';
import { PartialEntities } from '../../upstream/partialEntities.ts';
import { modelProperties } from '../declarations.ts';
import { departmentDescriptor } from './descriptor.ts';
import type { Department } from './model.ts';
import type { DepartmentSource } from './source.ts';

const partials = new PartialEntities<Department>(
  modelProperties(departmentDescriptor.fields.Department),
);

export const createDepartmentLoaders = (source: () => DepartmentSource) =>
  createCollectionLoader(() => source().all(), partials);
