import { parseNodeId } from '../../lib/ids.ts';
import { defaultPageSize, maxPageSize } from '../../lib/paging.ts';

/** What the helpdesk is asked for: things by their ids, or a short list that it only gives whole. */
export type FetchKind =
  | 'chat'
  | 'customer'
  | 'customerByUserId'
  | 'agents'
  | 'departments'
  | 'applications'
  | 'organization';

/** Whether a thing is known already: the id of a `chat`, `customer` or `customerByUserId`; of the other kinds the whole. */
export type IsCached = (kind: FetchKind, id?: string) => boolean;

/** How many ids go in one call. Infinity: all there are, and one call serves the whole operation. */
export const idsPerCall: Readonly<Record<FetchKind, number>> = {
  chat: 1,
  customer: 100,
  customerByUserId: 100,
  agents: Infinity,
  departments: Infinity,
  applications: Infinity,
  organization: Infinity,
};

/** How long the lists are whose length no operation says. */
export interface CostAssumptions {
  readonly agents: number;
  readonly departments: number;
  readonly applications: number;
  readonly agentsOfChat: number;
  readonly agentsOfDepartment: number;
  /** Whether whatever can go wrong does: nothing optional is carried, no page of 100 holds enough. */
  readonly isWorst: boolean;
}

export const worstCase: CostAssumptions = {
  agents: 50,
  departments: 10,
  applications: 5,
  agentsOfChat: 5,
  agentsOfDepartment: 20,
  isWorst: true,
};

export const typicalCase: CostAssumptions = {
  agents: 10,
  departments: 3,
  applications: 2,
  agentsOfChat: 2,
  agentsOfDepartment: 5,
  isWorst: false,
};

export type AssumedList = Exclude<keyof CostAssumptions, 'isWorst'>;

export const assumedLength = (
  assumptions: CostAssumptions,
  list: AssumedList | undefined,
): number => (list === undefined ? 1 : assumptions[list]);

interface EntityCost {
  readonly kind: FetchKind;
  /** The fields that need no more than the key, as in the resource's loaders. */
  readonly keyFields: readonly string[];
  /** There are never more of them than the account has. */
  readonly maximum?: AssumedList;
}

/** The types whose things can be carried in part and fetched by id. */
export const entityCosts: ReadonlyMap<string, EntityCost> = new Map([
  ['Chat', { kind: 'chat', keyFields: ['id', 'nodeId', 'messages'] }],
  ['Customer', { kind: 'customer', keyFields: ['id', 'nodeId', 'chats'] }],
  ['Agent', { kind: 'agents', keyFields: ['id', 'nodeId', 'chats'], maximum: 'agents' }],
  [
    'Department',
    { kind: 'departments', keyFields: ['id', 'nodeId', 'chats'], maximum: 'departments' },
  ],
  ['ChatApplication', { kind: 'applications', keyFields: ['id'], maximum: 'applications' }],
]);

/** What must be fetched to tell the fields of a type's things; undefined when all are free or `carried`, as of a whole thing. */
export function kindToFetch(
  type: string,
  embeddedFields: ReadonlySet<string> | undefined,
  fields: readonly string[],
): FetchKind | undefined {
  const entity = entityCosts.get(type);
  if (embeddedFields === undefined || entity === undefined) return undefined;
  const isKnown = (name: string) =>
    name.startsWith('__') || entity.keyFields.includes(name) || embeddedFields.has(name);
  return fields.every(isKnown) ? undefined : entity.kind;
}

/** An id as a text; empty for what can be none. */
export const idText = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

export const toList = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : [value];

/** Equal for equal arguments. */
export const argumentsKey = (values: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(
    Object.keys(values)
      .sort()
      .map((name) => [name, values[name]]),
  );

/** A thing that an operation names by its type and id. */
export interface EntityReference {
  readonly type: string;
  readonly kind: FetchKind;
  readonly id: string;
}

/** Nothing for what is refused before any call. */
function referenceFromNodeId(nodeId: unknown): readonly EntityReference[] {
  const parsed = parseNodeId(idText(nodeId));
  if (parsed === undefined) return [];
  const kind = entityCosts.get(parsed.type)?.kind;
  return kind === undefined ? [] : [{ ...parsed, kind }];
}

function referenceFromRepresentation(reference: unknown): readonly EntityReference[] {
  if (typeof reference !== 'object' || reference === null || !('__typename' in reference))
    return [];
  const type = idText(reference.__typename);
  const kind = entityCosts.get(type)?.kind;
  if (kind === undefined) return [];
  if ('id' in reference) return [{ type, kind, id: idText(reference.id) }];
  return kind === 'customer' && 'userId' in reference
    ? [{ type, kind: 'customerByUserId', id: idText(reference.userId) }]
    : [];
}

export type CostRule =
  /** Read whole, whatever is asked of it. */
  | { readonly strategy: 'collection'; readonly kind: FetchKind; readonly length?: AssumedList }
  /** Fetched by the id in this argument, whatever is asked of it. */
  | { readonly strategy: 'lookup'; readonly kind: FetchKind; readonly argument: string }
  /** Whatever this argument names. What is named by its id is `isPart` known without a fetch. */
  | {
      readonly strategy: 'byReference';
      readonly argument: string;
      readonly read: (name: unknown) => readonly EntityReference[];
      readonly isKeyKnown: boolean;
    }
  /** A write, which gives the whole thing. */
  | { readonly strategy: 'write' }
  /** A connection at the root. */
  | { readonly strategy: 'page' }
  /** The chats of one owner, asked for together with those of its likes. */
  | { readonly strategy: 'ownedChats' }
  /** One call for each chat. */
  | { readonly strategy: 'messages' }
  /** A message that comes with nothing but the id of its chat. */
  | { readonly strategy: 'receivedMessage' }
  /** The chat of a message: as much of it as was known above. */
  | { readonly strategy: 'parentChat' }
  /** Carried by the parent with these fields; fetched when more than those and the free ones is asked. */
  | {
      readonly strategy: 'partial';
      readonly embeds: readonly string[];
      /** Now and then it is carried with its key alone. */
      readonly mayBeMissing?: true;
      readonly length?: AssumedList;
    };

const agentFields = ['name', 'email', 'role'];

/** What each field costs, by type and name. A field without a rule is carried by its parent. */
export const costRules: ReadonlyMap<string, CostRule> = new Map<string, CostRule>([
  ['Query.chat', { strategy: 'lookup', kind: 'chat', argument: 'id' }],
  ['Query.chats', { strategy: 'page' }],
  ['Query.customer', { strategy: 'lookup', kind: 'customer', argument: 'id' }],
  ['Query.customerByUserId', { strategy: 'lookup', kind: 'customerByUserId', argument: 'userId' }],
  ['Query.customers', { strategy: 'page' }],
  ['Query.agent', { strategy: 'lookup', kind: 'agents', argument: 'id' }],
  ['Query.agents', { strategy: 'collection', kind: 'agents', length: 'agents' }],
  ['Query.department', { strategy: 'lookup', kind: 'departments', argument: 'id' }],
  ['Query.departments', { strategy: 'collection', kind: 'departments', length: 'departments' }],
  ['Query.applications', { strategy: 'collection', kind: 'applications', length: 'applications' }],
  ['Query.organization', { strategy: 'collection', kind: 'organization' }],
  [
    'Query.node',
    { strategy: 'byReference', argument: 'nodeId', read: referenceFromNodeId, isKeyKnown: false },
  ],
  [
    'Query.nodes',
    { strategy: 'byReference', argument: 'nodeIds', read: referenceFromNodeId, isKeyKnown: false },
  ],
  [
    'Query._entities',
    {
      strategy: 'byReference',
      argument: 'representations',
      read: referenceFromRepresentation,
      isKeyKnown: true,
    },
  ],
  ['Mutation.markChatRead', { strategy: 'write' }],
  ['Subscription.customerUpdated', { strategy: 'partial', embeds: [] }],
  ['Subscription.messageReceived', { strategy: 'receivedMessage' }],
  ['ChatUpdate.chat', { strategy: 'partial', embeds: [] }],
  ['Chat.agents', { strategy: 'partial', embeds: agentFields, length: 'agentsOfChat' }],
  ['Chat.application', { strategy: 'partial', embeds: [] }],
  ['Chat.assignee', { strategy: 'partial', embeds: agentFields }],
  ['Chat.customer', { strategy: 'partial', embeds: ['userId', 'name', 'email'] }],
  ['Chat.department', { strategy: 'partial', embeds: ['name'] }],
  ['Chat.lastCommunicatedAgent', { strategy: 'partial', embeds: agentFields, mayBeMissing: true }],
  ['Chat.messages', { strategy: 'messages' }],
  ['ChatMessage.agent', { strategy: 'partial', embeds: agentFields, mayBeMissing: true }],
  ['ChatMessage.chat', { strategy: 'parentChat' }],
  ['Department.agents', { strategy: 'partial', embeds: agentFields, length: 'agentsOfDepartment' }],
  ['Customer.chats', { strategy: 'ownedChats' }],
  ['Agent.chats', { strategy: 'ownedChats' }],
  ['Department.chats', { strategy: 'ownedChats' }],
  ['HelpdeskViewer.agent', { strategy: 'partial', embeds: [] }],
  ['HelpdeskViewer.customer', { strategy: 'partial', embeds: [] }],
]);

export interface BatchDemand {
  readonly count: number;
  /** At how many different moments they come to be asked for. */
  readonly batchCount: number;
  /** Of owners: how many chats each must be seen to have. */
  readonly rows: number;
}

/** The calls for things by their ids, `size` a call. */
export const batchCalls = ({ count, batchCount }: BatchDemand, size: number): number =>
  count <= batchCount ? count : batchCount + Math.floor((count - batchCount) / size);

/**
 * All owners share a page; at worst those of whom it does not hold enough are read one by one. When so little is enough that
 * a full page must hold it for one of them, that one is spared.
 */
export function ownedChatsCalls(demand: BatchDemand, { isWorst }: CostAssumptions): number {
  const { count, rows } = demand;
  const sharedCalls = batchCalls(demand, 100);
  if (!isWorst) return sharedCalls;
  const isOneSpared = Math.min(count, 100) * (rows - 1) < 100;
  return count + (isOneSpared ? 0 : Math.min(sharedCalls, Math.floor(count / 2)));
}

/** The different ids of each type and kind. */
export function groupReferences(
  references: readonly EntityReference[],
): readonly (EntityReference & { readonly ids: readonly string[] })[] {
  const groups = new Map<string, EntityReference & { readonly ids: Set<string> }>();
  for (const reference of references) {
    const group = groups.get(`${reference.type} ${reference.kind}`) ?? {
      ...reference,
      ids: new Set(),
    };
    groups.set(`${reference.type} ${reference.kind}`, group);
    group.ids.add(reference.id);
  }
  return Array.from(groups.values(), (group) => ({ ...group, ids: [...group.ids] }));
}

const numberOr = <Other>(value: unknown, fallback: Other): number | Other =>
  typeof value === 'number' ? value : fallback;

/** How many rows a page may have. A filter by ids bounds it as well. */
export function pageLength({ first, last, filter }: Readonly<Record<string, unknown>>): number {
  const size = numberOr(first, numberOr(last, defaultPageSize));
  const ids =
    typeof filter === 'object' && filter !== null && 'ids' in filter ? filter.ids : undefined;
  const most = Array.isArray(ids) ? Math.min(ids.length, maxPageSize) : maxPageSize;
  return Math.max(0, Math.min(size, most));
}

export const capCount = (count: number): number => Math.min(count, Number.MAX_SAFE_INTEGER);

export interface FieldCost {
  /** The response keys from the root, joined by dots. */
  readonly path: string;
  readonly calls: number;
}

export interface OperationCost {
  /** Infinity for an operation too large to be priced. */
  readonly worst: number;
  readonly typical: number;
  /** What the worst case is made of, the most expensive first. */
  readonly fields: readonly FieldCost[];
}

/** Adds up calls by the field that causes them. */
export function createCostAccumulator() {
  const counted = new Set<string>();
  const demands = new Map<string, BatchDemand>();
  const fields = new Map<string, number>();

  function add(path: string, calls: number): void {
    if (calls > 0) fields.set(path, capCount((fields.get(path) ?? 0) + calls));
  }

  return {
    add,
    once(key: string): boolean {
      const isNew = !counted.has(key);
      counted.add(key);
      return isNew;
    },
    /** Charges what a demand adds to a batch that other fields may be in as well. */
    addToBatch(
      batch: string,
      path: string,
      demand: BatchDemand,
      callsFor: (total: BatchDemand) => number,
    ): void {
      const before = demands.get(batch) ?? { count: 0, batchCount: 0, rows: 0 };
      const total = {
        count: capCount(before.count + demand.count),
        batchCount: Math.max(before.batchCount, demand.batchCount),
        rows: Math.max(before.rows, demand.rows),
      };
      demands.set(batch, total);
      add(path, callsFor(total) - callsFor(before));
    },
    fields: (): FieldCost[] =>
      Array.from(fields, ([path, calls]) => ({ path, calls })).sort((a, b) => b.calls - a.calls),
  };
}
