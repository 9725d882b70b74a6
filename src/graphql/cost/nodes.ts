import type { FieldNode, GraphQLObjectType } from 'graphql';
import type { CostRule } from '../../resources/declarations.ts';
import type { ArgumentValues } from './selection.ts';

/** The objects that one field of an operation yields. */
export interface NodeSet {
  readonly type: GraphQLObjectType;
  /** Equal for the same objects. */
  readonly identityKey: string;
  readonly count: number;
  /** Equal for objects that become known at the same time: their fetches share batches. */
  readonly batchKey: string;
  /** In how many batches their fetches can end up. */
  readonly maxBatches: number;
  /** The fields that are known without a fetch; undefined for all. */
  readonly embeddedFields: ReadonlySet<string> | undefined;
  /** Their ids, if the operation states them. */
  readonly ids?: readonly string[];
  /** Some may have to be fetched while others are embedded, and are then known later. */
  readonly isPartlyFetched?: boolean;
  /** Of messages: their chats. */
  readonly chats?: NodeSet;
}

/** A field of an operation, selected on a set of objects. */
export interface FieldSite {
  readonly path: string;
  readonly name: string;
  /** The type of the objects that the field returns; undefined for a leaf. */
  readonly type: GraphQLObjectType | undefined;
  readonly args: ArgumentValues;
  readonly nodes: readonly FieldNode[];
}

export type RuleOf<Strategy extends CostRule['strategy']> = Extract<
  CostRule,
  { readonly strategy: Strategy }
>;

/** The objects of a field before its rule is applied, and the same as a list with these arguments. */
export interface EstimatedField {
  readonly parent: NodeSet;
  readonly site: FieldSite;
  readonly objects: NodeSet;
  readonly list: NodeSet;
}
