import type { CacheChange } from '../upstream/cache/entityCache.ts';

/**
 * Who may select a field. Viewers other than customers may select every field; for a customer a field is
 *
 * - `public`: the same value as for other viewers;
 * - `owner`: limited to its own chats, its own messages and itself; other entities do not exist for it;
 * - `redacted`: always null, because it may reveal a message that the customer may not see;
 * - `staff`: `FORBIDDEN`. Such a field is tagged `internal` in the schema.
 */
export type FieldPolicy = 'public' | 'owner' | 'redacted' | 'staff';

/** What one upstream call fetches: entities by their ids, or a short list that is only available whole. */
export type FetchKind =
  | 'chat'
  | 'customer'
  | 'customerByUserId'
  | 'agents'
  | 'departments'
  | 'applications'
  | 'organization'
  | 'inbox';

/** Whether no fetch is needed: for an id of a `chat`, `customer` or `customerByUserId`, otherwise for the whole list. */
export type IsCached = (kind: FetchKind, id?: string) => boolean;

/** The length of a list that is available only whole and is cached; undefined if it is not known. */
export type LengthOf = (kind: FetchKind) => number | undefined;

/** The assumed length of a list whose length no operation states. */
export interface AssumedLength {
  readonly worst: number;
  readonly typical: number;
}

export type CostCase = keyof AssumedLength;

/** An entity that an operation names by type and id. */
export interface EntityReference {
  readonly type: string;
  readonly kind: FetchKind;
  readonly id: string;
}

/** The maximum number of calls of a mutation: for any arguments, or with the values of the arguments it depends on. */
export type MutationCalls =
  | number
  | {
      /** As documented. */
      readonly text: string;
      readonly of: (args: Readonly<Record<string, unknown>>) => number;
    };

export type CostRule =
  /** Fetched whole, whatever is selected. */
  | { readonly strategy: 'collection'; readonly kind: FetchKind; readonly length?: AssumedLength }
  /** Fetched by the id in this argument, whatever is selected. */
  | { readonly strategy: 'lookup'; readonly kind: FetchKind; readonly argument: string }
  /** The entities that this argument names. With `isKeyKnown` the fields of the key need no fetch. */
  | {
      readonly strategy: 'byReference';
      readonly argument: string;
      readonly read: (value: unknown) => readonly EntityReference[];
      readonly isKeyKnown: boolean;
    }
  /** A mutation. For a customer, the entity that this argument names is verified before. */
  | {
      readonly strategy: 'write';
      readonly kind: FetchKind;
      readonly argument?: string;
      readonly calls: MutationCalls;
      /** The argument whose items the results of a list belong to. */
      readonly items?: string;
      /** The fields that are known of the result besides its id. All, if omitted. */
      readonly embeds?: readonly string[];
    }
  /** A connection at the root. */
  | { readonly strategy: 'page' }
  /** The chats of one owner, fetched together with those of other owners. */
  | { readonly strategy: 'ownedChats' }
  /** All open chats, which one operation reads once. */
  | { readonly strategy: 'inbox' }
  /** One call per chat. */
  | { readonly strategy: 'messages' }
  /** An event about a chat of which the id is known. One of these arguments may require the chat itself. */
  | { readonly strategy: 'chatEvent'; readonly filters: readonly string[] }
  /** A message of an event, of whose chat only the id is known. */
  | { readonly strategy: 'receivedMessage' }
  /** The chat of a message, with the fields that are known of it at the parent. */
  | { readonly strategy: 'parentChat' }
  /** Embedded in the parent with these fields; fetched when others are selected. */
  | {
      readonly strategy: 'partial';
      readonly embeds: readonly string[];
      /** Sometimes only the key is embedded. */
      readonly mayBeMissing?: true;
      readonly length?: AssumedLength;
    };

export interface FieldDeclaration {
  readonly policy: FieldPolicy;
  /** `none`: part of the parent, or computed without a call. */
  readonly cost: CostRule | 'none';
  /** Of a mutation: whether it is forbidden unless the operator allows it. */
  readonly isOptIn?: true;
  /**
   * Of a subscription: the arguments that only select its events. They are optional, and the resolver of the value does not use them for
   * events that match them.
   */
  readonly eventFilters?: readonly string[];
  /** The field of the model from which the value is computed, if its name differs. */
  readonly derivedFrom?: string;
}

export interface EntityDescriptor {
  readonly typename: string;
  readonly kind: FetchKind;
  /** Who may request it by a global id or by a router's reference. */
  readonly policy: FieldPolicy;
  /** The number of them in an account, if it is small. */
  readonly count?: AssumedLength;
}

export interface ResourceDescriptor {
  /** How many ids one call fetches. `Infinity`: one call fetches all, and serves the whole operation. */
  readonly idsPerCall?: Readonly<Partial<Record<FetchKind, number>>>;
  /** The entity, if references can name it or parents embed it. */
  readonly entity?: EntityDescriptor;
  /** Every field of the schema, by type and name. The build fails for a field that no descriptor declares. */
  readonly fields: Readonly<Record<string, Readonly<Record<string, FieldDeclaration>>>>;
}

export const publicField = { policy: 'public', cost: 'none' } as const;
const ownerField = { policy: 'owner', cost: 'none' } as const;
export const redactedField = { policy: 'redacted', cost: 'none' } as const;
export const staffField = { policy: 'staff', cost: 'none' } as const;
export const nodeIdField = { ...publicField, derivedFrom: 'id' } as const;

export const connectionDeclarations = {
  edges: ownerField,
  nodes: ownerField,
  pageInfo: publicField,
  totalCount: publicField,
} as const;

export const edgeDeclarations = { cursor: publicField, node: ownerField } as const;

/** The property of the model from which each field of a type is computed. */
export const modelProperties = (
  fields: Readonly<Record<string, FieldDeclaration>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, { derivedFrom }]) => [name, derivedFrom ?? name]),
  );

/** Patches of cached entities, and the entities and types that a change invalidates. */
export type CacheChanges = readonly CacheChange[];
