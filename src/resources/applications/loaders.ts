import { createCollectionLoader } from '../../upstream/collectionLoader.ts';
import { PartialEntities } from '../../upstream/partialEntities.ts';
import { modelProperties } from '../declarations.ts';
import { applicationDescriptor } from './descriptor.ts';
import type { Application } from './model.ts';
import type { ApplicationSource } from './source.ts';

const partials = new PartialEntities<Application>(
  modelProperties(applicationDescriptor.fields.ChatApplication),
);

export const createApplicationLoaders = (source: () => ApplicationSource) =>
  createCollectionLoader(() => source().all(), partials);
