import { SummaryDocument } from '../gql/graphql.ts';
import { client } from './client.ts';

/** Without events the counts are read once per minute, which costs a call for each 100 open chats. */
export const summaryIntervalMs = 60_000;

/** Events cause at most one read in this time. */
const pauseMs = 30_000;

let timer: ReturnType<typeof setTimeout> | undefined;
let isWanted = false;

const read = () =>
  void client.refetchQueries({ include: [SummaryDocument] }).catch(() => undefined);

/** Reads the counts now or at the end of the pause. */
export function refreshSummary(): void {
  isWanted = true;
  if (timer !== undefined) return;
  const run = () => {
    timer = undefined;
    if (!isWanted) return;
    isWanted = false;
    read();
    timer = setTimeout(run, pauseMs);
  };
  // Events of one change arrive together.
  timer = setTimeout(run, 500);
}

/** After a write of this page: the gateway has updated its counts, usually without a call. */
export function refreshSummaryNow(): void {
  isWanted = false;
  read();
}
