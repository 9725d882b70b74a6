import type { Upstream } from '../../upstream/client.ts';
import { readAll } from '../../upstream/lists.ts';
import { agentListType } from './descriptor.ts';
import type { Agent } from './model.ts';
import { agentCodec } from './model.ts';

const endpoint = { path: '/agents', decodeRow: agentCodec.fromWire };

export type AgentSource = ReturnType<typeof createAgentSource>;

/** HelpCrunch has no endpoint for a single agent. */
export const createAgentSource = ({ cache }: Upstream) => ({
  has: (): boolean => cache.has(agentListType, 'all'),
  cachedLength: (): number | undefined => cache.peek(agentListType, 'all')?.rows.length,

  /** Whether the cached list of agents lacks this id. */
  isKnownMissing(id: string): boolean {
    return cache.peek(agentListType, 'all')?.rows.every((member) => member.id !== id) ?? false;
  },

  async all(): Promise<readonly Agent[]> {
    const { rows } = await cache.getOrLoad(agentListType, 'all', (send) => readAll(send, endpoint));
    return rows;
  },
});
