import type { Upstream } from '../../upstream/client.ts';
import { readAll } from '../../upstream/lists.ts';
import { agentFromWire } from './model.ts';
import type { Agent } from './model.ts';

export type AgentSource = ReturnType<typeof createAgentSource>;

/** The agent endpoints. There is none for a single agent. */
export const createAgentSource = (upstream: Upstream) => ({
  all: (): Promise<readonly Agent[]> =>
    readAll(upstream, { path: '/agents', rowFromWire: agentFromWire }),
});
