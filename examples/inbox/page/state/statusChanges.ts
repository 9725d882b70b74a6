import type { ChatStatus } from '../gql/graphql.ts';
import { createSignal } from './signal.ts';

export interface StatusChange {
  readonly chatId: string;
  readonly at: number;
  readonly from: ChatStatus;
  readonly to: ChatStatus;
}

/** Changes that this page has seen. The system messages of HelpCrunch contain neither the old nor the new status. */
export const statusChanges = createSignal<readonly StatusChange[]>([]);

const sameChangeMs = 10_000;
const maxChanges = 500;

/** A change is reported by the response of a mutation and by an event. */
export function noteStatusChange(chatId: string, from: ChatStatus, to: ChatStatus): void {
  const at = Date.now();
  const known = statusChanges.get();
  const isKnown = known.some(
    (other) => other.chatId === chatId && other.to === to && at - other.at < sameChangeMs,
  );
  if (from === to || isKnown) return;
  statusChanges.set([...known, { chatId, at, from, to }].slice(-maxChanges));
}
