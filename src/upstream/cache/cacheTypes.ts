import { maxPageSize } from '../../lib/paging.ts';
import type { Page } from '../../lib/paging.ts';
import type { Shape } from '../../lib/shape.ts';
import { isCount, isIdText, isText, listOf, objectOf, orNull } from '../../lib/shape.ts';

export interface CachedEntity {
  readonly __typename: string;
  readonly id: string;
}

/** Whose freshness setting a kind follows. */
export type TtlClass = 'chats' | 'customers' | 'account';

export interface CacheTypeDescriptor {
  readonly name: string;
  readonly ttlClass: TtlClass;
  /**
   * Names with the same answer go well in one load: while one is under way, what operations miss is gathered for the next.
   * Undefined for a name that is better asked for at once.
   */
  collapseKey?(name: string): string | undefined;
  /** The entity without which a thing of this kind cannot be: what was read before it changed is not good after. */
  dependsOn?(name: string): { readonly type: CacheTypeDescriptor; readonly id: string };
}

/** A kind whose entries other instances may have written. */
export interface Stored extends CacheTypeDescriptor {
  /** Whether what was found under the name is what `pack` makes of a value with this name. */
  accepts(stored: unknown, name: string): boolean;
}

/** One kind of thing that is kept, under names of its own. */
export interface CacheType<Value> extends Stored {
  /** What is kept of a value under its name. Its entities are handed to `keep`, to be kept one by one. */
  serialize(value: Value, put: PutEntity): unknown;
  /** The value again; undefined when something of it is no longer there. */
  deserialize(stored: unknown, find: FindEntity): Value | undefined;
  /** The entities that `unpack` will look for. */
  references?(stored: unknown): { readonly type: Stored; readonly ids: readonly string[] };
}

export type PutEntity = <Whole extends CachedEntity>(type: CacheType<Whole>, entity: Whole) => void;
export type FindEntity = <Whole extends CachedEntity>(
  type: CacheType<Whole>,
  id: string,
) => Whole | undefined;

const hasTypename = (value: unknown, typename: string): boolean =>
  typeof value === 'object' &&
  value !== null &&
  '__typename' in value &&
  value.__typename === typename;

interface EntityTraits extends Pick<CacheTypeDescriptor, 'ttlClass' | 'collapseKey'> {
  /** There is one in an account, under a name that is not its id. */
  readonly isOnly?: boolean;
}

/** Things that are kept one by one under their ids. What bears their type's name was made by their decoder. */
export function entityType<Whole extends CachedEntity>(
  name: Whole['__typename'],
  shape: Shape<Whole>,
  { isOnly = false, ...traits }: EntityTraits,
): CacheType<Whole> {
  const isEntity = (value: unknown): value is Whole => hasTypename(value, name);
  return {
    ...traits,
    name,
    accepts: (stored, id) => shape(stored) && (isOnly || stored.id === id),
    serialize: (value) => value,
    deserialize: (stored) => (isEntity(stored) ? stored : undefined),
  };
}

/** More agents or departments than are ever read. */
const maxListed = 10_000;

interface RowsTraits extends Pick<CacheTypeDescriptor, 'ttlClass' | 'dependsOn'> {
  readonly maxRows?: number;
}

/** Lists that are kept whole, because their members cannot be asked for on their own. */
export function listType<Row extends { readonly __typename: string }>(
  name: Row['__typename'],
  shape: Shape<Row>,
  { maxRows = maxListed, ...traits }: RowsTraits,
): CacheType<Page<Row>> {
  const isWhole = objectOf<Page<Row>>({ rows: listOf(shape, maxRows), total: orNull(isCount) });
  const isRows = (value: unknown): value is Page<Row> =>
    typeof value === 'object' &&
    value !== null &&
    'rows' in value &&
    Array.isArray(value.rows) &&
    value.rows.every((row) => hasTypename(row, name));
  return {
    ...traits,
    name: `${name}s`,
    accepts: isWhole,
    serialize: (value) => value,
    deserialize: (stored) => (isRows(stored) ? stored : undefined),
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
export const pageType = <Whole extends CachedEntity>(
  memberType: CacheType<Whole>,
  ttlClass: TtlClass,
  traits: Partial<Pick<CacheTypeDescriptor, 'name' | 'collapseKey'>> = {},
): CacheType<Page<Whole>> => ({
  name: `${memberType.name}s`,
  ttlClass,
  ...traits,
  accepts: isWholePage,
  serialize({ rows, total }, put) {
    for (const row of rows) put(memberType, row);
    return { ids: rows.map(({ id }) => id), total };
  },
  deserialize(stored, find) {
    if (!isPage(stored)) return undefined;
    const rows = stored.ids.flatMap((id) => find(memberType, id) ?? []);
    return rows.length === stored.ids.length ? { rows, total: stored.total } : undefined;
  },
  references: (stored) => ({ type: memberType, ids: isPage(stored) ? stored.ids : [] }),
});

interface Alias {
  readonly id: string;
  readonly name: string | null;
}

const isWholeAlias = objectOf<Alias>({ id: isIdText, name: orNull(isText) });

const isAlias = (value: unknown): value is Alias =>
  typeof value === 'object' && value !== null && 'id' in value && 'name' in value;

/** Entities under another name of theirs, such as your own ids of customers. One that has lost the name is not found by it. */
export const aliasType = <Whole extends CachedEntity>(
  name: string,
  memberType: CacheType<Whole>,
  aliasOf: (entity: Whole) => string | null,
): CacheType<Whole> => ({
  ...memberType,
  name,
  accepts: isWholeAlias,
  serialize(entity, put) {
    put(memberType, entity);
    return { id: entity.id, name: aliasOf(entity) };
  },
  deserialize(stored, find) {
    const entity = isAlias(stored) ? find(memberType, stored.id) : undefined;
    return entity !== undefined && isAlias(stored) && aliasOf(entity) === stored.name
      ? entity
      : undefined;
  },
  references: (stored) => ({ type: memberType, ids: isAlias(stored) ? [stored.id] : [] }),
});
