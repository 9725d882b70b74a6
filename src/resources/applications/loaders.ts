import { createCollectionLoader } from '../../upstream/collectionLoader.ts';
import type { ApplicationSource } from './source.ts';

/** Made anew for every operation, so nothing one viewer loads is ever seen by another. */
export const createApplicationLoaders = (source: ApplicationSource) => ({
  application: createCollectionLoader(source.all, {}),
});
