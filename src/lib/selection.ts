import {
  getDirectiveValues,
  getNamedType,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  isAbstractType,
  isLeafType,
  isNonNullType,
  isObjectType,
  Kind,
} from 'graphql';
import type { GraphQLResolveInfo, SelectionNode } from 'graphql';

function isIncluded(selection: SelectionNode, { variableValues }: GraphQLResolveInfo): boolean {
  if (selection.directives === undefined || selection.directives.length === 0) return true;
  const skip = getDirectiveValues(GraphQLSkipDirective, selection, variableValues);
  const include = getDirectiveValues(GraphQLIncludeDirective, selection, variableValues);
  return skip?.['if'] !== true && include?.['if'] !== false;
}

function appliesTo(type: string, condition: string, { schema }: GraphQLResolveInfo): boolean {
  if (condition === type) return true;
  const abstract = schema.getType(condition);
  const concrete = schema.getType(type);
  return isAbstractType(abstract) && isObjectType(concrete) && schema.isSubType(abstract, concrete);
}

interface SelectedFields {
  readonly variableValues: GraphQLResolveInfo['variableValues'];
  readonly fields: ReadonlySet<string>;
}

/** Siblings in a list share their field nodes, so each selection is walked once an operation. */
const selectionsByFieldNodes = new WeakMap<
  GraphQLResolveInfo['fieldNodes'],
  Map<string, SelectedFields>
>();

/** The fields of `type` that the operation asks of the value being resolved, through fragments and directives. */
export function selectedFields(info: GraphQLResolveInfo, type: string): ReadonlySet<string> {
  const { fieldNodes, variableValues } = info;
  let byType = selectionsByFieldNodes.get(fieldNodes);
  if (byType === undefined) {
    byType = new Map();
    selectionsByFieldNodes.set(fieldNodes, byType);
  }
  const cached = byType.get(type);
  if (cached?.variableValues === variableValues) return cached.fields;
  const fields = new Set<string>();
  const collect = (selections: readonly SelectionNode[]): void => {
    for (const selection of selections) {
      if (!isIncluded(selection, info)) continue;
      if (selection.kind === Kind.FIELD) {
        fields.add(selection.name.value);
        continue;
      }
      const fragment =
        selection.kind === Kind.INLINE_FRAGMENT ? selection : info.fragments[selection.name.value];
      const condition = fragment?.typeCondition?.name.value;
      if (fragment !== undefined && (condition === undefined || appliesTo(type, condition, info))) {
        collect(fragment.selectionSet.selections);
      }
    }
  };
  for (const { selectionSet } of fieldNodes) collect(selectionSet?.selections ?? []);
  byType.set(type, { variableValues, fields });
  return fields;
}

/** As much of an object as something else carries of it. */
export type PartialEntity<Whole extends { readonly __typename: string }> = Partial<Whole> &
  Pick<Whole, '__typename'>;

/** The plain values that a router sends along with an entity's key, without those that the schema does not allow. */
export function representationValues(
  reference: { readonly __typename: string },
  { schema }: GraphQLResolveInfo,
): object {
  // Nearly all references are a type and a key.
  if (Object.keys(reference).length <= 2) return {};
  const type = schema.getType(reference.__typename);
  const fields = isObjectType(type) ? type.getFields() : {};
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries<unknown>(reference)) {
    const declared = fields[name]?.type;
    // A list, or null where there must be something, is not taken on trust.
    const leaf = isNonNullType(declared) && value !== null ? getNamedType(declared) : declared;
    try {
      if (isLeafType(leaf)) values[name] = value === null ? null : leaf.parseValue(value);
    } catch {
      // Then the helpdesk is asked.
    }
  }
  return values;
}

/** The fields that are not carried under their own names, and what they are made from. */
export type DerivedFields = Readonly<Record<string, string>>;

/** Whether a part carries, or can make, every field that the operation asks of it. */
export function satisfiesSelection<Whole extends { readonly __typename: string }>(
  partial: PartialEntity<Whole>,
  info: GraphQLResolveInfo,
  derivedFields: DerivedFields,
): partial is PartialEntity<Whole> & Whole {
  for (const field of selectedFields(info, partial.__typename)) {
    const value: unknown = Reflect.get(partial, derivedFields[field] ?? field);
    if (value === undefined) return false;
  }
  return true;
}
