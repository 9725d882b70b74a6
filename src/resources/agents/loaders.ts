import { createCollectionLoader } from '../../upstream/collectionLoader.ts';
import { PartialEntities } from '../../upstream/partialEntities.ts';
import { modelProperties } from '../declarations.ts';
import { agentDescriptor } from './descriptor.ts';
import type { Agent } from './model.ts';
import type { AgentSource } from './source.ts';

const partials = new PartialEntities<Agent>(modelProperties(agentDescriptor.fields.Agent));

export const createAgentLoaders = (source: () => AgentSource) =>
  createCollectionLoader(() => source().all(), partials);
