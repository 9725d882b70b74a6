import type {
  DocumentNode,
  FragmentDefinitionNode,
  GraphQLNamedType,
  GraphQLOutputType,
  GraphQLSchema,
  OperationDefinitionNode,
  SelectionSetNode,
} from 'graphql';
import {
  getNamedType,
  isEnumType,
  isInterfaceType,
  isLeafType,
  isObjectType,
  Kind,
  typeFromAST,
} from 'graphql';
import { fragmentsOf } from '../graphql/limits/documentStructure.ts';

/** `text`: written by people, so it can contain anything. `safe`: numbers, times, enum values and names given by the team. */
type LeafKind = 'text' | 'id' | 'time' | 'safe';

/** What a response key contains. */
export interface ResultShape {
  /** The name of the type. */
  readonly typename: string;
  /** Schema coordinate, such as `Chat.status`. */
  readonly coordinate: string;
  /** Set for leaves. */
  readonly leaf: LeafKind | undefined;
  readonly fields: ReadonlyMap<string, ResultShape>;
}

/** Types whose texts only the team or the account's configuration can set. */
const teamTypes: ReadonlySet<string> = new Set([
  'Agent',
  'ChatApplication',
  'Department',
  'HelpdeskOrganization',
]);

/** Strings that the gateway creates. */
const gatewayFields: ReadonlySet<string> = new Set([
  'PageInfo.startCursor',
  'PageInfo.endCursor',
  'ChatEdge.cursor',
  'CustomerEdge.cursor',
  'ChatMessageEdge.cursor',
]);

function leafKindOf(type: GraphQLNamedType, parent: string, field: string): LeafKind {
  if (field === '__typename' || isEnumType(type)) return 'safe';
  if (type.name === 'ID') return 'id';
  if (type.name === 'DateTime') return 'time';
  if (type.name === 'Int' || type.name === 'Float' || type.name === 'Boolean') return 'safe';
  return teamTypes.has(parent) || gatewayFields.has(`${parent}.${field}`) ? 'safe' : 'text';
}

interface MutableShape extends ResultShape {
  readonly fields: Map<string, MutableShape>;
}

class ShapeBuilder {
  readonly #schema: GraphQLSchema;
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** The schema coordinates of all selected fields. */
  readonly coordinates = new Set<string>();

  constructor(schema: GraphQLSchema, document: DocumentNode) {
    this.#schema = schema;
    this.#fragments = fragmentsOf(document);
  }

  addSelections(
    { selections }: SelectionSetNode,
    parent: GraphQLNamedType,
    into: Map<string, MutableShape>,
  ): void {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const key = (selection.alias ?? selection.name).value;
        const type = this.#typeOf(parent, selection.name.value);
        const shape = into.get(key) ?? this.#shape(parent.name, selection.name.value, type);
        into.set(key, shape);
        if (selection.selectionSet && type !== undefined) {
          this.addSelections(selection.selectionSet, getNamedType(type), shape.fields);
        }
        continue;
      }
      const spread =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? this.#fragments.get(selection.name.value)
          : selection;
      if (spread === undefined) continue;
      const condition = spread.typeCondition && typeFromAST(this.#schema, spread.typeCondition);
      this.addSelections(spread.selectionSet, condition ?? parent, into);
    }
  }

  #typeOf(parent: GraphQLNamedType, field: string): GraphQLOutputType | undefined {
    if (!isObjectType(parent) && !isInterfaceType(parent)) return undefined;
    return parent.getFields()[field]?.type;
  }

  #shape(parent: string, field: string, type: GraphQLOutputType | undefined): MutableShape {
    const named = type && getNamedType(type);
    const coordinate = `${parent}.${field}`;
    this.coordinates.add(coordinate);
    const isLeaf = named === undefined || isLeafType(named);
    return {
      typename: named?.name ?? 'String',
      coordinate,
      leaf: isLeaf ? (named === undefined ? 'safe' : leafKindOf(named, parent, field)) : undefined,
      fields: new Map(),
    };
  }
}

interface OperationShape {
  readonly fields: ReadonlyMap<string, ResultShape>;
  readonly coordinates: ReadonlySet<string>;
}

/** The shape of the data of a valid operation. */
export function resultShapeOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  { operation, selectionSet }: OperationDefinitionNode,
): OperationShape {
  const builder = new ShapeBuilder(schema, document);
  const root = schema.getRootType(operation);
  const fields = new Map<string, MutableShape>();
  if (root) builder.addSelections(selectionSet, root, fields);
  return { fields, coordinates: builder.coordinates };
}
