import { maxPageSize } from '../../lib/paging.ts';
import type { Page } from '../../lib/paging.ts';
import type { Shape } from '../../lib/shape.ts';
import { isCount, isIdText, isNumber, isText, listOf, objectOf, orNull } from '../../lib/shape.ts';
import type { UpstreamErrorDetails, UpstreamErrorEntry } from '../errors.ts';
import { UpstreamError } from '../errors.ts';

export interface CachedEntity {
  readonly __typename: string;
  readonly id: string;
}

/** Selects the TTL setting of a cache type. */
export type TtlClass = 'chats' | 'inbox' | 'customers' | 'account';

export interface CacheTypeDescriptor {
  readonly name: string;
  readonly ttlClass: TtlClass;
  /** Names with the same key are collapsed into one batch while a request of that key is in flight; undefined: never. */
  collapseKey?(name: string): string | undefined;
  /** The entity whose invalidation invalidates this entry. Without one, the entry depends on its whole type. */
  dependsOn?(name: string): { readonly type: CacheTypeDescriptor; readonly id: string };
}

const erasedType: CacheTypeDescriptor = { name: 'Erased', ttlClass: 'account' };

/**
 * Invalidating this removes all cached data of all instances and of Redis, because copies of a deleted entity may be anywhere, and the
 * idempotency records that contain its id.
 */
export const erasureOf = (id: string) => ({ type: erasedType, id });

/** The entity whose data an invalidation erases; undefined for other invalidations. Names of accounts contain no colon. */
export function erasedBy(
  key: string,
): { readonly account: string; readonly id: string } | undefined {
  const [account = '', type, id = ''] = key.split(':');
  return type === erasedType.name ? { account, id } : undefined;
}

/** A type whose entries may have been written by another instance. */
export interface StoredCacheType extends CacheTypeDescriptor {
  /** Whether a value from Redis is what `serialize` returns for a value of this name. */
  accepts(stored: unknown, name: string): boolean;
}

/** How values of one type are stored: entities are entries of their own, lists refer to them by id. */
export interface CacheType<Value> extends StoredCacheType {
  /** The stored form. Entities in the value are passed to `put`. */
  serialize(value: Value, put: PutEntity): unknown;
  /** Undefined if an entity that the stored form refers to is missing. */
  deserialize(stored: unknown, find: FindEntity): Value | undefined;
}

export type PutEntity = <Whole extends CachedEntity>(type: CacheType<Whole>, entity: Whole) => void;
export type FindEntity = <Whole extends CachedEntity>(
  type: CacheType<Whole>,
  id: string,
) => Whole | undefined;

/**
 * Discriminates stored forms by one field. That is enough when reading: keys contain the type's name, and every value was serialized by
 * this process or has passed `accepts`.
 */
const withField =
  <Form extends object>(field: keyof Form) =>
  (value: unknown): value is Form =>
    typeof value === 'object' && value !== null && field in value;

type NotFoundDetails = Pick<UpstreamErrorDetails, 'status' | 'entries'>;

/** A cached `notFound` error (negative caching). */
export interface NegativeEntry {
  readonly notFound: NotFoundDetails;
}

const notFoundDetails = ({ status, entries }: NotFoundDetails): NotFoundDetails => ({
  ...(status === undefined ? {} : { status }),
  ...(entries === undefined
    ? {}
    : { entries: entries.map(({ code, message }) => ({ code, message })) }),
});

export const toNegativeEntry = ({ details }: UpstreamError): NegativeEntry => ({
  notFound: notFoundDetails(details),
});

/** The error with which a request for the object has failed. An entry from Redis may have other properties. */
export const fromNegativeEntry = ({ notFound }: NegativeEntry): UpstreamError =>
  new UpstreamError('notFound', 'HelpCrunch has no such object.', notFoundDetails(notFound));

export const isNegativeEntry = withField<NegativeEntry>('notFound');

const isWholeNegativeEntry = objectOf<NegativeEntry>({
  notFound: objectOf<NotFoundDetails>(
    {
      status: isNumber,
      entries: listOf(objectOf<UpstreamErrorEntry>({ code: isText, message: isText })),
    },
    [],
  ),
});

/** Whether a value from Redis is a valid entry under this name. */
export const isValidEntry =
  (type: StoredCacheType, name: string) =>
  (stored: unknown): boolean =>
    isNegativeEntry(stored) ? isWholeNegativeEntry(stored) : type.accepts(stored, name);

interface EntityTraits extends Pick<CacheTypeDescriptor, 'ttlClass' | 'collapseKey'> {
  /** The account has one such entity, stored under a name other than its id. */
  readonly isOnly?: boolean;
}

/** Entities, stored under their ids. */
export function entityType<Whole extends CachedEntity>(
  name: Whole['__typename'],
  shape: Shape<Whole>,
  { isOnly = false, ...traits }: EntityTraits,
): CacheType<Whole> {
  const isEntity = withField<Whole>('__typename');
  return {
    ...traits,
    name,
    accepts: (stored, id) => shape(stored) && (isOnly || stored.id === id),
    serialize: (value) => value,
    deserialize: (stored) => (isEntity(stored) ? stored : undefined),
  };
}

/** No account has more agents or departments. */
const maxListed = 10_000;

interface ListTraits extends Pick<CacheTypeDescriptor, 'ttlClass' | 'dependsOn'> {
  readonly maxRows?: number;
}

/** Lists that are stored with their rows, which HelpCrunch does not return by id. */
export function listType<Row extends { readonly __typename: string }>(
  name: Row['__typename'],
  shape: Shape<Row>,
  { maxRows = maxListed, ...traits }: ListTraits,
): CacheType<Page<Row>> {
  const isRows = withField<Page<Row>>('rows');
  return {
    ...traits,
    name: `${name}s`,
    accepts: objectOf<Page<Row>>({ rows: listOf(shape, maxRows), total: orNull(isCount) }),
    serialize: (value) => value,
    deserialize: (stored) => (isRows(stored) ? stored : undefined),
  };
}

interface StoredPage {
  readonly ids: readonly string[];
  readonly total: number | null;
}

const isPage = withField<StoredPage>('ids');

/** Pages of lists, stored as the ids of their entities. */
export const pageType = <Whole extends CachedEntity>(
  memberType: CacheType<Whole>,
  ttlClass: TtlClass,
  traits: Partial<Pick<CacheTypeDescriptor, 'name' | 'collapseKey'>> = {},
): CacheType<Page<Whole>> => ({
  name: `${memberType.name}s`,
  ttlClass,
  ...traits,
  accepts: objectOf<StoredPage>({ ids: listOf(isIdText, maxPageSize), total: orNull(isCount) }),
  serialize({ rows, total }, put) {
    for (const row of rows) put(memberType, row);
    return { ids: rows.map(({ id }) => id), total };
  },
  deserialize(stored, find) {
    if (!isPage(stored)) return undefined;
    const rows = stored.ids.flatMap((id) => find(memberType, id) ?? []);
    return rows.length === stored.ids.length ? { rows, total: stored.total } : undefined;
  },
});

interface Alias {
  readonly id: string;
  readonly name: string | null;
}

const isAlias = withField<Alias>('name');

/** Entities under a second name, such as customers by `userId`. An entity whose alias has changed is not found by the old one. */
export const aliasType = <Whole extends CachedEntity>(
  name: string,
  memberType: CacheType<Whole>,
  aliasOf: (entity: Whole) => string | null,
): CacheType<Whole> => ({
  ...memberType,
  name,
  accepts: objectOf<Alias>({ id: isIdText, name: orNull(isText) }),
  serialize(entity, put) {
    put(memberType, entity);
    return { id: entity.id, name: aliasOf(entity) };
  },
  deserialize(stored, find) {
    if (!isAlias(stored)) return undefined;
    const entity = find(memberType, stored.id);
    return entity !== undefined && aliasOf(entity) === stored.name ? entity : undefined;
  },
});
