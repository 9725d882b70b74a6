import { createCollectionLoader } from '../../upstream/collectionLoader.ts';
import { derivedFields } from '../declarations.ts';
import { agentDescriptor } from './descriptor.ts';
import type { AgentSource } from './source.ts';

const derived = derivedFields(agentDescriptor.fields.Agent);

export const createAgentLoaders = (source: AgentSource) =>
  createCollectionLoader(source.all, derived);
