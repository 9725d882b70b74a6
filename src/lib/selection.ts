import {
  getArgumentValues,
  getDirectiveValues,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  isAbstractType,
  isObjectType,
  Kind,
} from 'graphql';
import type { FieldNode, GraphQLResolveInfo, SelectionNode } from 'graphql';

const hasDirectives = ({ directives = [] }: SelectionNode): boolean => directives.length > 0;

function isIncluded(selection: SelectionNode, { variableValues }: GraphQLResolveInfo): boolean {
  if (!hasDirectives(selection)) return true;
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

interface FieldSelections {
  readonly nodes: readonly FieldNode[];
  /** Whether `@skip` or `@include` may exclude some of them. */
  readonly isConditional: boolean;
}

/** The selections of fields of `type` on the value being resolved; follows fragments, `@skip` and `@include`. */
function fieldSelections(info: GraphQLResolveInfo, type: string): FieldSelections {
  const nodes: FieldNode[] = [];
  let isConditional = false;
  const spread = new Set<string>();
  function collect(selections: readonly SelectionNode[]): void {
    for (const selection of selections) {
      isConditional ||= hasDirectives(selection);
      if (!isIncluded(selection, info)) continue;
      if (selection.kind === Kind.FIELD) {
        nodes.push(selection);
        continue;
      }
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        if (spread.has(selection.name.value)) continue;
        spread.add(selection.name.value);
      }
      const fragment =
        selection.kind === Kind.INLINE_FRAGMENT ? selection : info.fragments[selection.name.value];
      const condition = fragment?.typeCondition?.name.value;
      const applies = condition === undefined || appliesTo(type, condition, info);
      if (fragment !== undefined && applies) collect(fragment.selectionSet.selections);
    }
  }
  for (const { selectionSet } of info.fieldNodes) collect(selectionSet?.selections ?? []);
  return { nodes, isConditional };
}

/** The arguments of the first selection of a field of `type`; undefined if the field is not selected. */
export function argumentsOfSelected(
  info: GraphQLResolveInfo,
  type: string,
  name: string,
): Readonly<Record<string, unknown>> | undefined {
  if (!selectedFields(info, type).has(name)) return undefined;
  const parent = info.schema.getType(type);
  const definition = isObjectType(parent) ? parent.getFields()[name] : undefined;
  const node = fieldSelections(info, type).nodes.find((field) => field.name.value === name);
  return definition && node && getArgumentValues(definition, node, info.variableValues);
}

interface SelectedFields {
  /** Undefined if the fields are the same for all variables. */
  readonly variableValues: GraphQLResolveInfo['variableValues'] | undefined;
  readonly fields: ReadonlySet<string>;
}

/** Items of a list share their field nodes, and executions of a plan too, so each selection set is walked once. */
const selectionsByFieldNodes = new WeakMap<
  GraphQLResolveInfo['fieldNodes'],
  Map<string, SelectedFields>
>();

/** The fields of `type` selected on the value being resolved; follows fragments, `@skip` and `@include`. */
export function selectedFields(info: GraphQLResolveInfo, type: string): ReadonlySet<string> {
  const { fieldNodes, variableValues } = info;
  let byType = selectionsByFieldNodes.get(fieldNodes);
  if (byType === undefined) {
    byType = new Map();
    selectionsByFieldNodes.set(fieldNodes, byType);
  }
  const cached = byType.get(type);
  if (cached !== undefined && (cached.variableValues ?? variableValues) === variableValues)
    return cached.fields;
  const { nodes, isConditional } = fieldSelections(info, type);
  const fields = new Set(nodes.map(({ name }) => name.value));
  byType.set(type, { variableValues: isConditional ? variableValues : undefined, fields });
  return fields;
}

/** The fields of an entity that another entity embeds. */
export type PartialEntity<Whole extends { readonly __typename: string }> = Partial<Whole> &
  Pick<Whole, '__typename'>;

/** The property of the model from which each field of a type is computed. */
export type PropertyOfField = Readonly<Record<string, string>>;

/** Whether a partial entity embeds or can derive every selected field. */
export function satisfiesSelection<Whole extends { readonly __typename: string }>(
  partial: PartialEntity<Whole>,
  info: GraphQLResolveInfo,
  properties: PropertyOfField,
): partial is PartialEntity<Whole> & Whole {
  for (const field of selectedFields(info, partial.__typename)) {
    const property = properties[field] ?? field;
    // The prototype of an incomplete entity has all others.
    if (!Object.hasOwn(partial, property) || Reflect.get(partial, property) === undefined)
      return false;
  }
  return true;
}
