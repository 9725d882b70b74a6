import { fromNodeId } from '../support/ids.ts';
import { defaultPageSize, maxPageSize } from '../support/paging.ts';

/** What the helpdesk is asked for: things by their ids, or a short list that it only gives whole. */
export type Kind =
  | 'chat'
  | 'customer'
  | 'customerByUserId'
  | 'agents'
  | 'departments'
  | 'applications'
  | 'organization';

/** Whether a thing is known already: the id of a `chat`, `customer` or `customerByUserId`; of the other kinds the whole. */
export type IsCached = (kind: Kind, id?: string) => boolean;

/** How many ids go in one call. Infinity: all there are, and one call serves the whole operation. */
export const idsPerCall: Readonly<Record<Kind, number>> = {
  chat: 1,
  customer: 100,
  customerByUserId: 100,
  agents: Infinity,
  departments: Infinity,
  applications: Infinity,
  organization: Infinity,
};

/** How long the lists are whose length no operation says. */
export interface Assumptions {
  readonly agents: number;
  readonly departments: number;
  readonly applications: number;
  readonly agentsOfChat: number;
  readonly agentsOfDepartment: number;
  /** Whether whatever can go wrong does: nothing optional is carried, no page of 100 holds enough. */
  readonly isWorst: boolean;
}

export const worstCase: Assumptions = {
  agents: 50,
  departments: 10,
  applications: 5,
  agentsOfChat: 5,
  agentsOfDepartment: 20,
  isWorst: true,
};

export const typicalCase: Assumptions = {
  agents: 10,
  departments: 3,
  applications: 2,
  agentsOfChat: 2,
  agentsOfDepartment: 5,
  isWorst: false,
};

export type ListName = Exclude<keyof Assumptions, 'isWorst'>;

export const lengthOf = (assumptions: Assumptions, list: ListName | undefined): number =>
  list === undefined ? 1 : assumptions[list];

interface Entity {
  readonly kind: Kind;
  /** The fields that need no more than the key, as in the resource's loaders. */
  readonly free: readonly string[];
  /** There are never more of them than the account has. */
  readonly atMost?: ListName;
}

/** The types whose things can be carried in part and fetched by id. */
export const entities: ReadonlyMap<string, Entity> = new Map([
  ['Chat', { kind: 'chat', free: ['id', 'nodeId', 'messages'] }],
  ['Customer', { kind: 'customer', free: ['id', 'nodeId', 'chats'] }],
  ['Agent', { kind: 'agents', free: ['id', 'nodeId', 'chats'], atMost: 'agents' }],
  ['Department', { kind: 'departments', free: ['id', 'nodeId', 'chats'], atMost: 'departments' }],
  ['Application', { kind: 'applications', free: ['id'], atMost: 'applications' }],
]);

/** What must be fetched to tell the fields of a type's things; undefined when all are free or `carried`, as of a whole thing. */
export function kindToFetch(
  type: string,
  carried: ReadonlySet<string> | undefined,
  fields: readonly string[],
): Kind | undefined {
  const entity = entities.get(type);
  if (carried === undefined || entity === undefined) return undefined;
  const isKnown = (name: string) =>
    name.startsWith('__') || entity.free.includes(name) || carried.has(name);
  return fields.every(isKnown) ? undefined : entity.kind;
}

/** An id as a text; empty for what can be none. */
export const idOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

export const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : [value];

/** Equal for equal arguments. */
export const textOf = (values: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(
    Object.keys(values)
      .sort()
      .map((name) => [name, values[name]]),
  );

/** A thing that an operation names by its type and id. */
export interface Named {
  readonly type: string;
  readonly kind: Kind;
  readonly id: string;
}

/** Nothing for what is refused before any call. */
function fromGlobalId(nodeId: unknown): readonly Named[] {
  try {
    const { type, id } = fromNodeId('nodeId', idOf(nodeId));
    const kind = entities.get(type)?.kind;
    return kind === undefined ? [] : [{ type, kind, id }];
  } catch {
    return [];
  }
}

function fromReference(reference: unknown): readonly Named[] {
  if (typeof reference !== 'object' || reference === null || !('__typename' in reference))
    return [];
  const type = idOf(reference.__typename);
  const kind = entities.get(type)?.kind;
  if (kind === undefined) return [];
  if ('id' in reference) return [{ type, kind, id: idOf(reference.id) }];
  return kind === 'customer' && 'userId' in reference
    ? [{ type, kind: 'customerByUserId', id: idOf(reference.userId) }]
    : [];
}

export type Rule =
  /** Read whole, whatever is asked of it. */
  | { readonly how: 'whole'; readonly kind: Kind; readonly length?: ListName }
  /** Fetched by the id in this argument, whatever is asked of it. */
  | { readonly how: 'lookUp'; readonly kind: Kind; readonly argument: string }
  /** Whatever this argument names. What is named by its id is `isPart` known without a fetch. */
  | {
      readonly how: 'named';
      readonly argument: string;
      readonly read: (name: unknown) => readonly Named[];
      readonly isPart: boolean;
    }
  /** A write, which gives the whole thing. */
  | { readonly how: 'write' }
  /** A connection at the root. */
  | { readonly how: 'page' }
  /** The chats of one owner, asked for together with those of its likes. */
  | { readonly how: 'ownChats' }
  /** One call for each chat. */
  | { readonly how: 'messages' }
  /** A message that comes with nothing but the id of its chat. */
  | { readonly how: 'received' }
  /** The chat of a message: as much of it as was known above. */
  | { readonly how: 'chatAbove' }
  /** Carried by the parent with these fields; fetched when more than those and the free ones is asked. */
  | {
      readonly how: 'part';
      readonly carries: readonly string[];
      /** Now and then it is carried with its key alone. */
      readonly mayLack?: true;
      readonly length?: ListName;
    };

const wholeAgent = ['name', 'email', 'role'];

/** What each field costs, by type and name. A field without a rule is carried by its parent. */
export const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['Query.chat', { how: 'lookUp', kind: 'chat', argument: 'id' }],
  ['Query.chats', { how: 'page' }],
  ['Query.customer', { how: 'lookUp', kind: 'customer', argument: 'id' }],
  ['Query.customerByUserId', { how: 'lookUp', kind: 'customerByUserId', argument: 'userId' }],
  ['Query.customers', { how: 'page' }],
  ['Query.agent', { how: 'lookUp', kind: 'agents', argument: 'id' }],
  ['Query.agents', { how: 'whole', kind: 'agents', length: 'agents' }],
  ['Query.department', { how: 'lookUp', kind: 'departments', argument: 'id' }],
  ['Query.departments', { how: 'whole', kind: 'departments', length: 'departments' }],
  ['Query.applications', { how: 'whole', kind: 'applications', length: 'applications' }],
  ['Query.organization', { how: 'whole', kind: 'organization' }],
  ['Query.node', { how: 'named', argument: 'nodeId', read: fromGlobalId, isPart: false }],
  ['Query.nodes', { how: 'named', argument: 'nodeIds', read: fromGlobalId, isPart: false }],
  [
    'Query._entities',
    { how: 'named', argument: 'representations', read: fromReference, isPart: true },
  ],
  ['Mutation.markChatRead', { how: 'write' }],
  ['Subscription.customerUpdated', { how: 'part', carries: [] }],
  ['Subscription.messageReceived', { how: 'received' }],
  ['ChatUpdate.chat', { how: 'part', carries: [] }],
  ['Chat.agents', { how: 'part', carries: wholeAgent, length: 'agentsOfChat' }],
  ['Chat.application', { how: 'part', carries: [] }],
  ['Chat.assignee', { how: 'part', carries: wholeAgent }],
  ['Chat.customer', { how: 'part', carries: ['userId', 'name', 'email'] }],
  ['Chat.department', { how: 'part', carries: ['name'] }],
  ['Chat.lastCommunicatedAgent', { how: 'part', carries: wholeAgent, mayLack: true }],
  ['Chat.messages', { how: 'messages' }],
  ['Message.agent', { how: 'part', carries: wholeAgent, mayLack: true }],
  ['Message.chat', { how: 'chatAbove' }],
  ['Department.agents', { how: 'part', carries: wholeAgent, length: 'agentsOfDepartment' }],
  ['Customer.chats', { how: 'ownChats' }],
  ['Agent.chats', { how: 'ownChats' }],
  ['Department.chats', { how: 'ownChats' }],
  ['Viewer.agent', { how: 'part', carries: [] }],
  ['Viewer.customer', { how: 'part', carries: [] }],
]);

export interface Demand {
  readonly count: number;
  /** At how many different moments they come to be asked for. */
  readonly waves: number;
  /** Of owners: how many chats each must be seen to have. */
  readonly rows: number;
}

/** The calls for things by their ids, `size` a call. */
export const batches = ({ count, waves }: Demand, size: number): number =>
  count <= waves ? count : waves + Math.floor((count - waves) / size);

/**
 * All owners share a page; at worst those of whom it does not hold enough are read one by one. When so little is enough that
 * a full page must hold it for one of them, that one is spared.
 */
export function ownChatsCalls(demand: Demand, { isWorst }: Assumptions): number {
  const { count, rows } = demand;
  const together = batches(demand, 100);
  if (!isWorst) return together;
  const isOneSpared = Math.min(count, 100) * (rows - 1) < 100;
  return count + (isOneSpared ? 0 : Math.min(together, Math.floor(count / 2)));
}

/** The different ids of each type and kind. */
export function grouped(
  names: readonly Named[],
): readonly (Named & { readonly ids: readonly string[] })[] {
  const groups = new Map<string, Named & { readonly ids: Set<string> }>();
  for (const name of names) {
    const group = groups.get(`${name.type} ${name.kind}`) ?? { ...name, ids: new Set() };
    groups.set(`${name.type} ${name.kind}`, group);
    group.ids.add(name.id);
  }
  return Array.from(groups.values(), (group) => ({ ...group, ids: [...group.ids] }));
}

const numberOr = <Other>(value: unknown, other: Other): number | Other =>
  typeof value === 'number' ? value : other;

/** How many rows a page may have. A filter by ids bounds it as well. */
export function pageLength({ first, last, filter }: Readonly<Record<string, unknown>>): number {
  const size = numberOr(first, numberOr(last, defaultPageSize));
  const ids =
    typeof filter === 'object' && filter !== null && 'ids' in filter ? filter.ids : undefined;
  const most = Array.isArray(ids) ? Math.min(ids.length, maxPageSize) : maxPageSize;
  return Math.max(0, Math.min(size, most));
}

export const capped = (count: number): number => Math.min(count, Number.MAX_SAFE_INTEGER);

export interface FieldCost {
  /** The response keys from the root, joined by dots. */
  readonly path: string;
  readonly calls: number;
}

export interface Cost {
  /** Infinity for an operation too large to be priced. */
  readonly worst: number;
  readonly typical: number;
  /** What the worst case is made of, the most expensive first. */
  readonly fields: readonly FieldCost[];
}

/** Adds up calls by the field that causes them. */
export function createBill() {
  const charged = new Set<string>();
  const demands = new Map<string, Demand>();
  const fields = new Map<string, number>();

  function charge(path: string, calls: number): void {
    if (calls > 0) fields.set(path, capped((fields.get(path) ?? 0) + calls));
  }

  return {
    charge,
    isNew(key: string): boolean {
      const isNew = !charged.has(key);
      charged.add(key);
      return isNew;
    },
    /** Charges what a demand adds to a batch that other fields may be in as well. */
    join(batch: string, path: string, more: Demand, price: (all: Demand) => number): void {
      const before = demands.get(batch) ?? { count: 0, waves: 0, rows: 0 };
      const all = {
        count: capped(before.count + more.count),
        waves: Math.max(before.waves, more.waves),
        rows: Math.max(before.rows, more.rows),
      };
      demands.set(batch, all);
      charge(path, price(all) - price(before));
    },
    fields: (): FieldCost[] =>
      Array.from(fields, ([path, calls]) => ({ path, calls })).sort((a, b) => b.calls - a.calls),
  };
}
