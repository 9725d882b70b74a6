import { createRoster } from '../../upstream/roster.ts';
import type { ApplicationSource } from './source.ts';

/** Made anew for every operation, so nothing one viewer loads is ever seen by another. */
export const createApplicationLoaders = (source: ApplicationSource) => ({
  application: createRoster(source.all, {}),
});
