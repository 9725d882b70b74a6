import { rowsKind } from '../../upstream/cache/kinds.ts';
import type { Upstream } from '../../upstream/client.ts';
import { readAll } from '../../upstream/lists.ts';
import type { Agent } from './model.ts';
import { agentFromWire, isAgent } from './model.ts';

const agents = { path: '/agents', rowFromWire: agentFromWire };

const agentLists = rowsKind('Agent', isAgent, { freshness: 'account' });

export type AgentSource = ReturnType<typeof createAgentSource>;

/** The agent endpoints. There is none for a single agent. */
export const createAgentSource = ({ cache }: Upstream) => ({
  isKnown: (): boolean => cache.isKnown(agentLists, 'all'),

  async all(): Promise<readonly Agent[]> {
    const { rows } = await cache.one(agentLists, 'all', (send) => readAll(send, agents));
    return rows;
  },
});
