import { createCollectionLoader } from '../../upstream/collectionLoader.ts';
import { derivedFields } from '../declarations.ts';
import { departmentDescriptor } from './descriptor.ts';
import type { DepartmentSource } from './source.ts';

const derived = derivedFields(departmentDescriptor.fields.Department);

export const createDepartmentLoaders = (source: DepartmentSource) =>
  createCollectionLoader(source.all, derived);
