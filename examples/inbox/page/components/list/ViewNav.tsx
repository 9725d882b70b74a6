import { useQuery } from '@apollo/client/react';
import { useEffect } from 'react';
import { summaryIntervalMs } from '../../api/summary.ts';
import type { SummaryQuery } from '../../gql/graphql.ts';
import { SummaryDocument } from '../../gql/graphql.ts';
import type { Address, View } from '../../state/address.ts';
import { hrefOf, views } from '../../state/address.ts';
import { useTeam } from '../../state/team.tsx';
import { locale, t } from '../../text/index.ts';

type Summary = NonNullable<SummaryQuery['inboxSummary']>;

/** The summary counts open chats only. */
function countOf(view: View, summary: Summary, ownId: string | undefined): number | undefined {
  if (view === 'closed') return undefined;
  if (view !== 'mine') return summary[view];
  if (ownId === undefined) return undefined;
  return summary.byAgent.find(({ agent }) => agent.id === ownId)?.count ?? 0;
}

function Count({ value, isComplete }: { readonly value: number; readonly isComplete: boolean }) {
  return (
    <span className="number" title={isComplete ? undefined : t.incompleteCounts}>
      {value.toLocaleString(locale)}
      {!isComplete && value > 0 && '+'}
    </span>
  );
}

export function ViewNav({ address }: { readonly address: Address }) {
  const { me } = useTeam();
  const { data } = useQuery(SummaryDocument, { pollInterval: summaryIntervalMs });
  const summary = data?.inboxSummary ?? undefined;
  const unread = summary?.unread ?? 0;
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${t.title}` : t.title;
  }, [unread]);
  const isView = address.customerId === undefined && address.search === undefined;
  return (
    <nav className="views" aria-label={t.views}>
      {views.map((view) => {
        const count = summary && countOf(view, summary, me?.id);
        return (
          <a
            key={view}
            href={hrefOf({ view })}
            aria-current={isView && address.view === view ? 'page' : undefined}
            data-attention={view === 'unread' && unread > 0}
          >
            <span>{t.view[view]}</span>
            {count !== undefined && summary !== undefined && (
              <Count value={count} isComplete={summary.isComplete} />
            )}
          </a>
        );
      })}
    </nav>
  );
}
