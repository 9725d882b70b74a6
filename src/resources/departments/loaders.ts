import { createCollectionLoader } from '../../upstream/collectionLoader.ts';
import { modelProperties } from '../declarations.ts';
import { departmentDescriptor } from './descriptor.ts';
import type { DepartmentSource } from './source.ts';

const properties = modelProperties(departmentDescriptor.fields.Department);

export const createDepartmentLoaders = (source: DepartmentSource) =>
  createCollectionLoader(source.all, properties);
