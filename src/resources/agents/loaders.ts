import { createCollectionLoader } from '../../upstream/collectionLoader.ts';
import type { AgentSource } from './source.ts';

/** Made anew for every operation, so nothing one viewer loads is ever seen by another. */
export const createAgentLoaders = (source: AgentSource) => ({
  agent: createCollectionLoader(source.all, { nodeId: 'id', chats: 'id' }),
});
