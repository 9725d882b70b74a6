import type { Upstream } from '../../upstream/client.ts';
import { createCollectionSource } from '../../upstream/collectionSource.ts';
import { readAll } from '../../upstream/lists.ts';
import { agentListType } from './descriptor.ts';
import { agentCodec } from './model.ts';

const endpoint = { path: '/agents', decodeRow: agentCodec.fromWire };

export type AgentSource = ReturnType<typeof createAgentSource>;

export const createAgentSource = (upstream: Upstream) =>
  createCollectionSource(upstream, agentListType, (send) => readAll(send, endpoint));
