import { createCollectionLoader } from '../../upstream/collectionLoader.ts';
import type { DepartmentSource } from './source.ts';

/** Made anew for every operation, so nothing one viewer loads is ever seen by another. */
export const createDepartmentLoaders = (source: DepartmentSource) => ({
  department: createCollectionLoader(source.all, { nodeId: 'id', chats: 'id' }),
});
