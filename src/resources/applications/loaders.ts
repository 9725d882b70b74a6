import { createCollectionLoader } from '../../upstream/collectionLoader.ts';
import { derivedFields } from '../declarations.ts';
import { applicationDescriptor } from './descriptor.ts';
import type { ApplicationSource } from './source.ts';

const derived = derivedFields(applicationDescriptor.fields.ChatApplication);

export const createApplicationLoaders = (source: ApplicationSource) =>
  createCollectionLoader(source.all, derived);
