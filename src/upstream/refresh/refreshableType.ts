import type { CacheType } from '../cache/cacheTypes.ts';

/** How a source reads cache entries of one type again. */
export interface RefreshableType {
  readonly type: CacheType<unknown>;
  /** Whether a refresh also refreshes the entities that an entry refers to. Such entries are refreshed first. */
  readonly isList: boolean;
  /** The names that one refresh may read. */
  readonly maxNames: number;
  /** Whether an entry of the type can have this name. Names come from Redis as well. */
  accepts(name: string): boolean;
  /** Whether the name contains no data of customers except ids, so that it may be stored in Redis. */
  mayStoreInRedis(name: string): boolean;
  /** Rejects if an entry was not read. */
  refresh(names: readonly string[]): Promise<unknown>;
}

type RefreshableTypeOptions = Pick<RefreshableType, 'type' | 'accepts'> &
  Partial<Pick<RefreshableType, 'isList' | 'mayStoreInRedis'>>;

/** A type whose entries are refreshed one by one. */
export const refreshedSingly = (
  { isList = false, mayStoreInRedis = () => true, ...options }: RefreshableTypeOptions,
  refresh: (name: string) => Promise<unknown>,
): RefreshableType => ({
  ...options,
  isList,
  mayStoreInRedis,
  maxNames: 1,
  refresh: (names) => Promise.all(names.map(refresh)),
});

/** The refreshable types by name. */
export class RefreshableTypes {
  readonly #byName: ReadonlyMap<string, RefreshableType>;

  constructor(types: readonly RefreshableType[]) {
    this.#byName = new Map(types.map((refreshable) => [refreshable.type.name, refreshable]));
  }

  get(name: string): RefreshableType | undefined {
    return this.#byName.get(name);
  }

  /** The type and the name of a cache key. */
  find(account: string, key: string): { refreshable: RefreshableType; name: string } | undefined {
    const [type = '', ...name] = key.slice(account.length + 1).split(':');
    const refreshable = this.get(type);
    return refreshable && { refreshable, name: name.join(':') };
  }
}
