import { createCollectionLoader } from '../../upstream/collectionLoader.ts';
import { modelProperties } from '../declarations.ts';
import { applicationDescriptor } from './descriptor.ts';
import type { ApplicationSource } from './source.ts';

const properties = modelProperties(applicationDescriptor.fields.ChatApplication);

export const createApplicationLoaders = (source: ApplicationSource) =>
  createCollectionLoader(source.all, properties);
