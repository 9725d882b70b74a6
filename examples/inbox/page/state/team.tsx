import { useQuery } from '@apollo/client/react';
import { createContext, useContext, useEffect, useMemo } from 'react';
import type { ReactNode } from 'react';
import type { TeamQuery } from '../gql/graphql.ts';
import { TeamDocument } from '../gql/graphql.ts';
import { agentName, byName } from '../text/names.ts';
import { problemOf } from '../text/problem.ts';
import { settings } from './settings.ts';
import { useSignal } from './signal.ts';

export interface Named {
  readonly id: string;
  readonly name: string;
}

export interface Team {
  readonly agents: readonly Named[];
  readonly departments: readonly Named[];
  /** The agent in whose name the page writes. */
  readonly me: Named | undefined;
  /** Whether the user selects `me`, because the gateway does not know it. */
  readonly isMeSelected: boolean;
  /** Whether the user operates the account, and not only answers chats. */
  readonly isOperator: boolean;
}

const TeamContext = createContext<Team>({
  agents: [],
  departments: [],
  me: undefined,
  isMeSelected: false,
  isOperator: false,
});

const operatorRoles: readonly unknown[] = ['ADMIN', 'SUPERVISOR'];

function teamOf(data: Partial<TeamQuery> | undefined, selectedId: string | undefined): Team {
  const agents = (data?.agents ?? [])
    .map((agent) => ({ id: agent.id, name: agentName(agent) }))
    .sort(byName);
  const { role, agent = null } = data?.viewer ?? {};
  return {
    agents,
    departments: (data?.departments ?? []).toSorted(byName),
    me:
      agent === null
        ? agents.find(({ id }) => id === selectedId)
        : { id: agent.id, name: agentName(agent) },
    isMeSelected: data?.viewer !== undefined && agent === null,
    isOperator: role === 'ALL' || operatorRoles.includes(agent?.role),
  };
}

const retryMs = 5_000;

/** Without the team nothing can be sent, so it is loaded again after an error. */
function useTeamQuery(): Partial<TeamQuery> | undefined {
  // If the departments cannot be loaded, the agents are shown nevertheless.
  const { data, error, refetch } = useQuery(TeamDocument, { errorPolicy: 'all' });
  useEffect(() => {
    const { retryAfterMs = retryMs } =
      error === undefined ? { retryAfterMs: null } : problemOf(error);
    if (retryAfterMs === null) return undefined;
    const timer = setTimeout(() => void refetch().catch(() => undefined), retryAfterMs);
    return () => clearTimeout(timer);
  }, [error, refetch]);
  return data;
}

export function TeamProvider({ children }: { readonly children: ReactNode }) {
  const data = useTeamQuery();
  const { agentId } = useSignal(settings);
  const team = useMemo(() => teamOf(data, agentId), [data, agentId]);
  return <TeamContext value={team}>{children}</TeamContext>;
}

export const useTeam = (): Team => useContext(TeamContext);
