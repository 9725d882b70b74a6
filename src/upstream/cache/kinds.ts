import type { Rows } from '../../support/paging.ts';

export interface Entity {
  readonly __typename: string;
  readonly id: string;
}

/** Whose freshness setting a kind follows. */
export type Freshness = 'chats' | 'customers' | 'account';

export interface Named {
  readonly name: string;
  readonly freshness: Freshness;
  /**
   * Names with the same answer go well in one load: while one is under way, what operations miss is gathered for the next.
   * Undefined for a name that is better asked for at once.
   */
  gathers?(name: string): string | undefined;
  /** The entity without which a thing of this kind cannot be: what was read before it changed is not good after. */
  partOf?(name: string): { readonly kind: Named; readonly id: string };
}

/** One kind of thing that is kept, under names of its own. */
export interface Kind<Value> extends Named {
  /** What is kept of a value under its name. Its entities are handed to `keep`, to be kept one by one. */
  pack(value: Value, keep: Keep): unknown;
  /** The value again; undefined when something of it is no longer there. */
  unpack(kept: unknown, find: Find): Value | undefined;
  /** The entities that `unpack` will look for. */
  members?(kept: unknown): { readonly kind: Named; readonly ids: readonly string[] };
}

export type Keep = <Whole extends Entity>(kind: Kind<Whole>, entity: Whole) => void;
export type Find = <Whole extends Entity>(kind: Kind<Whole>, id: string) => Whole | undefined;

const hasTypename = (value: unknown, typename: string): boolean =>
  typeof value === 'object' &&
  value !== null &&
  '__typename' in value &&
  value.__typename === typename;

/** Things that are kept one by one under their ids. What bears their type's name was made by their decoder. */
export function entityKind<Whole extends Entity>(
  name: Whole['__typename'],
  freshness: Freshness,
  traits: Pick<Named, 'gathers'> = {},
): Kind<Whole> {
  const is = (value: unknown): value is Whole => hasTypename(value, name);
  return {
    ...traits,
    name,
    freshness,
    pack: (value) => value,
    unpack: (kept) => (is(kept) ? kept : undefined),
  };
}

/** Lists that are kept whole, because their members cannot be asked for on their own. */
export function rowsKind<Row extends { readonly __typename: string }>(
  name: Row['__typename'],
  freshness: Freshness,
  partOf?: Named['partOf'],
): Kind<Rows<Row>> {
  const isRows = (value: unknown): value is Rows<Row> =>
    typeof value === 'object' &&
    value !== null &&
    'rows' in value &&
    Array.isArray(value.rows) &&
    value.rows.every((row) => hasTypename(row, name));
  return {
    name: `${name}s`,
    freshness,
    ...(partOf === undefined ? {} : { partOf }),
    pack: (value) => value,
    unpack: (kept) => (isRows(kept) ? kept : undefined),
  };
}

const isPage = (
  value: unknown,
): value is { readonly ids: readonly string[]; readonly total: number | null } =>
  typeof value === 'object' && value !== null && 'ids' in value && Array.isArray(value.ids);

/** Parts of lists: their ids are kept under the list's name, their members one by one. */
export const pageKind = <Whole extends Entity>(
  members: Kind<Whole>,
  freshness: Freshness,
  traits: Partial<Pick<Named, 'name' | 'gathers'>> = {},
): Kind<Rows<Whole>> => ({
  name: `${members.name}s`,
  freshness,
  ...traits,
  pack({ rows, total }, keep) {
    for (const row of rows) keep(members, row);
    return { ids: rows.map(({ id }) => id), total };
  },
  unpack(kept, find) {
    if (!isPage(kept)) return undefined;
    const rows = kept.ids.flatMap((id) => find(members, id) ?? []);
    return rows.length === kept.ids.length ? { rows, total: kept.total } : undefined;
  },
  members: (kept) => ({ kind: members, ids: isPage(kept) ? kept.ids : [] }),
});

const isAlias = (value: unknown): value is { readonly id: string; readonly name: string } =>
  typeof value === 'object' && value !== null && 'id' in value && 'name' in value;

/** Entities under another name of theirs, such as your own ids of customers. One that has lost the name is not found by it. */
export const aliasKind = <Whole extends Entity>(
  name: string,
  members: Kind<Whole>,
  nameOf: (entity: Whole) => string | null,
): Kind<Whole> => ({
  ...members,
  name,
  pack(entity, keep) {
    keep(members, entity);
    return { id: entity.id, name: nameOf(entity) };
  },
  unpack(kept, find) {
    const entity = isAlias(kept) ? find(members, kept.id) : undefined;
    return entity !== undefined && isAlias(kept) && nameOf(entity) === kept.name
      ? entity
      : undefined;
  },
  members: (kept) => ({ kind: members, ids: isAlias(kept) ? [kept.id] : [] }),
});
