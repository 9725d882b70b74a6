import { maxPageSize } from '../../support/paging.ts';
import type { Rows } from '../../support/paging.ts';
import type { Shape } from '../../support/shape.ts';
import { isCount, isIdText, isText, listOf, objectOf, orNull } from '../../support/shape.ts';

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

/** A kind whose entries other instances may have written. */
export interface Stored extends Named {
  /** Whether what was found under the name is what `pack` makes of a value with this name. */
  accepts(kept: unknown, name: string): boolean;
}

/** One kind of thing that is kept, under names of its own. */
export interface Kind<Value> extends Stored {
  /** What is kept of a value under its name. Its entities are handed to `keep`, to be kept one by one. */
  pack(value: Value, keep: Keep): unknown;
  /** The value again; undefined when something of it is no longer there. */
  unpack(kept: unknown, find: Find): Value | undefined;
  /** The entities that `unpack` will look for. */
  members?(kept: unknown): { readonly kind: Stored; readonly ids: readonly string[] };
}

export type Keep = <Whole extends Entity>(kind: Kind<Whole>, entity: Whole) => void;
export type Find = <Whole extends Entity>(kind: Kind<Whole>, id: string) => Whole | undefined;

const hasTypename = (value: unknown, typename: string): boolean =>
  typeof value === 'object' &&
  value !== null &&
  '__typename' in value &&
  value.__typename === typename;

interface EntityTraits extends Pick<Named, 'freshness' | 'gathers'> {
  /** There is one in an account, under a name that is not its id. */
  readonly isOnly?: boolean;
}

/** Things that are kept one by one under their ids. What bears their type's name was made by their decoder. */
export function entityKind<Whole extends Entity>(
  name: Whole['__typename'],
  shape: Shape<Whole>,
  { isOnly = false, ...traits }: EntityTraits,
): Kind<Whole> {
  const is = (value: unknown): value is Whole => hasTypename(value, name);
  return {
    ...traits,
    name,
    accepts: (kept, id) => shape(kept) && (isOnly || kept.id === id),
    pack: (value) => value,
    unpack: (kept) => (is(kept) ? kept : undefined),
  };
}

/** More agents or departments than are ever read. */
const maxListed = 10_000;

interface RowsTraits extends Pick<Named, 'freshness' | 'partOf'> {
  readonly maxRows?: number;
}

/** Lists that are kept whole, because their members cannot be asked for on their own. */
export function rowsKind<Row extends { readonly __typename: string }>(
  name: Row['__typename'],
  shape: Shape<Row>,
  { maxRows = maxListed, ...traits }: RowsTraits,
): Kind<Rows<Row>> {
  const isWhole = objectOf<Rows<Row>>({ rows: listOf(shape, maxRows), total: orNull(isCount) });
  const isRows = (value: unknown): value is Rows<Row> =>
    typeof value === 'object' &&
    value !== null &&
    'rows' in value &&
    Array.isArray(value.rows) &&
    value.rows.every((row) => hasTypename(row, name));
  return {
    ...traits,
    name: `${name}s`,
    accepts: isWhole,
    pack: (value) => value,
    unpack: (kept) => (isRows(kept) ? kept : undefined),
  };
}

interface KeptPage {
  readonly ids: readonly string[];
  readonly total: number | null;
}

const isPage = (value: unknown): value is KeptPage =>
  typeof value === 'object' && value !== null && 'ids' in value && Array.isArray(value.ids);

const isWholePage = objectOf<KeptPage>({
  ids: listOf(isIdText, maxPageSize),
  total: orNull(isCount),
});

/** Parts of lists: their ids are kept under the list's name, their members one by one. */
export const pageKind = <Whole extends Entity>(
  members: Kind<Whole>,
  freshness: Freshness,
  traits: Partial<Pick<Named, 'name' | 'gathers'>> = {},
): Kind<Rows<Whole>> => ({
  name: `${members.name}s`,
  freshness,
  ...traits,
  accepts: isWholePage,
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

interface Alias {
  readonly id: string;
  readonly name: string | null;
}

const isWholeAlias = objectOf<Alias>({ id: isIdText, name: orNull(isText) });

const isAlias = (value: unknown): value is Alias =>
  typeof value === 'object' && value !== null && 'id' in value && 'name' in value;

/** Entities under another name of theirs, such as your own ids of customers. One that has lost the name is not found by it. */
export const aliasKind = <Whole extends Entity>(
  name: string,
  members: Kind<Whole>,
  nameOf: (entity: Whole) => string | null,
): Kind<Whole> => ({
  ...members,
  name,
  accepts: isWholeAlias,
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
