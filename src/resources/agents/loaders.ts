import { createCollectionLoader } from '../../upstream/collectionLoader.ts';
import { modelProperties } from '../declarations.ts';
import { agentDescriptor } from './descriptor.ts';
import type { AgentSource } from './source.ts';

const properties = modelProperties(agentDescriptor.fields.Agent);

export const createAgentLoaders = (source: AgentSource) =>
  createCollectionLoader(source.all, properties);
