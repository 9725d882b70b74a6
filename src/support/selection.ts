import {
  getDirectiveValues,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  isAbstractType,
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

interface Selected {
  readonly type: string;
  readonly variableValues: GraphQLResolveInfo['variableValues'];
  readonly fields: ReadonlySet<string>;
}

/** Siblings in a list share their field nodes, so each selection is walked once an operation. */
const walked = new WeakMap<GraphQLResolveInfo['fieldNodes'], Selected>();

/** The fields of `type` that the operation asks of the value being resolved, through fragments and directives. */
export function selectedFields(info: GraphQLResolveInfo, type: string): ReadonlySet<string> {
  const { fieldNodes, variableValues } = info;
  const known = walked.get(fieldNodes);
  if (known?.type === type && known.variableValues === variableValues) return known.fields;
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
  walked.set(fieldNodes, { type, variableValues, fields });
  return fields;
}

/** As much of an object as something else carries of it. */
export type Part<Whole extends { readonly __typename: string }> = Partial<Whole> &
  Pick<Whole, '__typename'>;

/** The fields that are not carried under their own names, and what they are made from. */
export type MadeFrom = Readonly<Record<string, string>>;

/** Whether a part carries, or can make, every field that the operation asks of it. */
export function answers<Whole extends { readonly __typename: string }>(
  part: Part<Whole>,
  info: GraphQLResolveInfo,
  madeFrom: MadeFrom,
): part is Part<Whole> & Whole {
  const carried = new Map<string, unknown>(Object.entries(part));
  for (const field of selectedFields(info, part.__typename)) {
    if (carried.get(madeFrom[field] ?? field) === undefined) return false;
  }
  return true;
}
