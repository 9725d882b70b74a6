import { listType } from '../../upstream/cache/cacheTypes.ts';
import type { Upstream } from '../../upstream/client.ts';
import { readAll } from '../../upstream/lists.ts';
import type { Agent } from './model.ts';
import { agentFromWire, isAgent } from './model.ts';

const agentEndpoint = { path: '/agents', decodeRow: agentFromWire };

const agentListType = listType('Agent', isAgent, { ttlClass: 'account' });

export type AgentSource = ReturnType<typeof createAgentSource>;

/** The agent endpoints. There is none for a single agent. */
export const createAgentSource = ({ cache }: Upstream) => ({
  has: (): boolean => cache.has(agentListType, 'all'),

  async all(): Promise<readonly Agent[]> {
    const { rows } = await cache.getOrLoad(agentListType, 'all', (send) =>
      readAll(send, agentEndpoint),
    );
    return rows;
  },
});
