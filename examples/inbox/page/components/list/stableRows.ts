import { useState } from 'react';
import type { ChatRowFragment } from '../../gql/graphql.ts';

interface Shown {
  /** The list that is shown. */
  readonly list: string;
  readonly ids: readonly string[];
  readonly chats: ReadonlyMap<string, ChatRowFragment>;
}

/** Chats at the end of the list, which a further page has added. They move no row. */
function addedAtEnd(ids: readonly string[], chats: readonly ChatRowFragment[]): readonly string[] {
  const known = new Set(ids);
  const last = chats.findLastIndex(({ id }) => known.has(id));
  return last === -1 ? [] : chats.slice(last + 1).map(({ id }) => id);
}

/** The number of chats that are new, or have moved up, since the rows were put in order. */
function countNews(ids: readonly string[], chats: readonly ChatRowFragment[]): number {
  const known = new Set(ids);
  const fresh = chats.map(({ id }) => id);
  const present = new Set(fresh);
  const first = ids.find((id) => present.has(id));
  const moved = first === undefined ? [] : fresh.slice(0, fresh.indexOf(first));
  return new Set([...fresh.filter((id) => !known.has(id)), ...moved]).size;
}

interface Options {
  readonly list: string;
  /** In the current order; undefined while they are loaded. */
  readonly chats: readonly ChatRowFragment[] | undefined;
  /** All chats whose current state is known. */
  readonly known: readonly ChatRowFragment[];
  /** Whether the user points at the rows or reads further down. */
  readonly isHeld: boolean;
}

/** Rows that do not move while they are held. Their contents are current. */
export function useStableRows({ list, chats, known, isHeld }: Options) {
  const [shown, setShown] = useState<Shown>({ list: '', ids: [], chats: new Map() });
  const isSame = shown.list === list && shown.ids.length > 0;
  const kept = isSame && (isHeld || chats === undefined) ? shown.ids : undefined;
  const ids =
    kept === undefined
      ? (chats ?? []).map(({ id }) => id)
      : [...kept, ...addedAtEnd(kept, chats ?? [])];
  const current = new Map([
    ...(isSame ? shown.chats : []),
    ...known.map((chat) => [chat.id, chat] as const),
  ]);
  const isChanged =
    shown.list !== list ||
    shown.ids.length !== ids.length ||
    ids.some((id, index) => shown.ids[index] !== id || shown.chats.get(id) !== current.get(id));
  if (isChanged) setShown({ list, ids, chats: current });
  return {
    rows: ids.flatMap((id) => current.get(id) ?? []),
    newCount: kept === undefined ? 0 : countNews(ids, chats ?? []),
    /** Puts the rows in their current order. */
    release: () => setShown({ list, ids: (chats ?? []).map(({ id }) => id), chats: current }),
  };
}
