import { defaultPageSize, maxPageSize } from '../../lib/paging.ts';
import type { AssumedLength, CostCase, FetchKind } from '../../resources/declarations.ts';
import { entitiesByType } from '../../resources/registry.ts';
import { fieldDeclarations } from '../schema/fields.ts';

export const assumedLength = (length: AssumedLength | undefined, costCase: CostCase): number =>
  length?.[costCase] ?? 1;

/** What must be fetched for these fields of an entity; undefined when they are all embedded or computed from the key. */
export function kindToFetch(
  type: string,
  embeddedFields: ReadonlySet<string> | undefined,
  fields: readonly string[],
): FetchKind | undefined {
  const entity = entitiesByType.get(type);
  if (embeddedFields === undefined || entity === undefined) return undefined;
  const isKnown = (name: string) =>
    name.startsWith('__') ||
    (fieldDeclarations.get(`${type}.${name}`)?.derivedFrom ?? name) === 'id' ||
    embeddedFields.has(name);
  return fields.every(isKnown) ? undefined : entity.kind;
}

export const toList = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : [value];

/** Equal for equal arguments. */
export const argumentsKey = (values: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(
    Object.keys(values)
      .sort()
      .map((name) => [name, values[name]]),
  );

interface BatchDemand {
  readonly count: number;
  /** In how many batches they can end up, because they become known at different times. */
  readonly maxBatches: number;
  /** Of owners: how many chats of each must be read. */
  readonly rows: number;
}

/** The calls for entities by their ids, `size` per call. */
export const batchCalls = ({ count, maxBatches }: BatchDemand, size: number): number =>
  count <= maxBatches ? count : maxBatches + Math.floor((count - maxBatches) / size);

/**
 * All owners share a page. In the worst case, each owner whose chats are missing from it costs one more call. If a full page must
 * contain enough chats of at least one owner, that owner needs none.
 */
export function ownedChatsCalls(demand: BatchDemand, costCase: CostCase): number {
  const { count, rows } = demand;
  const sharedCalls = batchCalls(demand, maxPageSize);
  if (costCase === 'typical') return sharedCalls;
  const isOneComplete = Math.min(count, maxPageSize) * (rows - 1) < maxPageSize;
  return count + (isOneComplete ? 0 : Math.min(sharedCalls, Math.floor(count / 2)));
}

const numberOr = <Other>(value: unknown, fallback: Other): number | Other =>
  typeof value === 'number' ? value : fallback;

/** The maximum number of rows of a page. A filter by ids bounds it as well. */
export function pageLength({ first, last, filter }: Readonly<Record<string, unknown>>): number {
  const size = numberOr(first, numberOr(last, defaultPageSize));
  const ids =
    typeof filter === 'object' && filter !== null && 'ids' in filter ? filter.ids : undefined;
  const most = Array.isArray(ids) ? Math.min(ids.length, maxPageSize) : maxPageSize;
  return Math.max(0, Math.min(size, most));
}

/** Whether reading the page may need a call to find the end of the list. */
export const isFromUnknownEnd = ({ last, before }: Readonly<Record<string, unknown>>): boolean =>
  typeof last === 'number' && typeof before !== 'string';

/** Whether the place of the page is that of a row, which may have moved. */
export const hasCursor = ({ after, before }: Readonly<Record<string, unknown>>): boolean =>
  typeof after === 'string' || typeof before === 'string';

export const capCount = (count: number): number => Math.min(count, Number.MAX_SAFE_INTEGER);

export interface FieldCost {
  /** The response keys from the root, joined by dots. */
  readonly path: string;
  readonly calls: number;
}

export interface OperationCost {
  /** Infinity for an operation that is too large to be estimated. */
  readonly worst: number;
  readonly typical: number;
  /** The fields that cause the worst case, the most expensive first. */
  readonly fields: readonly FieldCost[];
}

/** Adds up calls by the field that causes them. */
export class CostAccumulator {
  readonly #counted = new Set<string>();
  readonly #demands = new Map<string, BatchDemand>();
  readonly #calls = new Map<string, number>();

  add(path: string, calls: number): void {
    if (calls > 0) this.#calls.set(path, capCount((this.#calls.get(path) ?? 0) + calls));
  }

  /** Whether the key has not been counted before. */
  once(key: string): boolean {
    const isNew = !this.#counted.has(key);
    this.#counted.add(key);
    return isNew;
  }

  /** Adds what a demand adds to a batch that it may share with other fields. */
  addToBatch(
    batch: string,
    { path, ...demand }: BatchDemand & { readonly path: string },
    callsFor: (total: BatchDemand) => number,
  ): void {
    const before = this.#demands.get(batch) ?? { count: 0, maxBatches: 0, rows: 0 };
    const total = {
      count: capCount(before.count + demand.count),
      maxBatches: Math.max(before.maxBatches, demand.maxBatches),
      rows: Math.max(before.rows, demand.rows),
    };
    this.#demands.set(batch, total);
    this.add(path, callsFor(total) - callsFor(before));
  }

  fields(): readonly FieldCost[] {
    return Array.from(this.#calls, ([path, calls]) => ({ path, calls })).sort(
      (a, b) => b.calls - a.calls,
    );
  }
}
