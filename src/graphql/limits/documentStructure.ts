import {
  GraphQLError,
  Kind,
  OperationTypeNode,
  parse,
  specifiedRules,
  validate,
  visit,
} from 'graphql';
import type {
  DocumentNode,
  FragmentDefinitionNode,
  GraphQLSchema,
  SelectionNode,
  SelectionSetNode,
  Source,
  ValidationRule,
} from 'graphql';
import { publicError } from '../errors.ts';

/**
 * The maximum nesting of selections, values and types, with fragments expanded. Recursive algorithms, such as the validation
 * rules of graphql-js, need some stack frames for each level.
 */
const maxNesting = 200;

/** The depth of one definition, and of the fragment spreads in it. */
interface Outline {
  nesting: number;
  readonly spreads: [name: string, nesting: number][];
}

/** `visit` is iterative, so deep documents do not exhaust the stack. */
function outlinesOf(document: DocumentNode) {
  const fragments = new Map<string, Outline>();
  const operations: Outline[] = [];
  let current: Outline = { nesting: 0, spreads: [] };
  let nesting = 0;
  const level = {
    enter() {
      nesting += 1;
      current.nesting = Math.max(current.nesting, nesting);
    },
    leave() {
      nesting -= 1;
    },
  };
  visit(document, {
    OperationDefinition() {
      current = { nesting: 0, spreads: [] };
      operations.push(current);
    },
    FragmentDefinition({ name }) {
      current = { nesting: 0, spreads: [] };
      fragments.set(name.value, current);
    },
    FragmentSpread({ name }) {
      current.spreads.push([name.value, nesting]);
    },
    SelectionSet: level,
    ListValue: level,
    ObjectValue: level,
    ListType: level,
  });
  return { fragments, operations };
}

/** A fragment on the path of the depth-first search. */
interface Step {
  readonly name: string;
  readonly outline: Outline;
  next: number;
}

const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');

function cycleError(names: readonly string[]): GraphQLError {
  const [first = '', ...via] = names;
  const way = via.length === 0 ? '' : ` via ${quoted(via)}`;
  return new GraphQLError(`Cannot spread fragment "${first}" within itself${way}.`);
}

export const fragmentsOf = ({
  definitions,
}: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> =>
  new Map(
    definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [],
    ),
  );

/** The selections of a selection set and of all fragments in it that apply to the same object, once each, in their order. */
export function* rootSelections(
  { selections }: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): Generator<SelectionNode> {
  const visited = new Set<string>();
  const pending = selections.toReversed();
  for (let selection = pending.pop(); selection !== undefined; selection = pending.pop()) {
    yield selection;
    if (selection.kind === Kind.INLINE_FRAGMENT)
      pending.push(...selection.selectionSet.selections.toReversed());
    if (selection.kind !== Kind.FRAGMENT_SPREAD || visited.has(selection.name.value)) continue;
    visited.add(selection.name.value);
    const { selectionSet } = fragments.get(selection.name.value) ?? {};
    pending.push(...(selectionSet?.selections ?? []).toReversed());
  }
}

/**
 * Rejects conditions at the root of a subscription, as the September 2025 edition of the specification does: graphql-js 16 evaluates them during validation,
 * when variables have no values, and throws.
 */
function subscriptionError(document: DocumentNode): GraphQLError | undefined {
  const fragments = fragmentsOf(document);
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    if (definition.operation !== OperationTypeNode.SUBSCRIPTION) continue;
    for (const { directives = [] } of rootSelections(definition.selectionSet, fragments)) {
      const condition = directives.find(
        ({ name }) => name.value === 'skip' || name.value === 'include',
      );
      if (condition !== undefined) {
        const message = `"@${condition.name.value}" is not allowed at the root of a subscription.`;
        return new GraphQLError(message, { nodes: condition });
      }
    }
  }
  return undefined;
}

/** Undefined if recursive algorithms can process the document: it has no fragment cycles and is not nested too deeply. */
function structureError(document: DocumentNode): GraphQLError | undefined {
  const { fragments, operations } = outlinesOf(document);
  /** The depths of fragments, including their spreads. */
  const nestings = new Map<string, number>();
  const nestingOf = ({ nesting, spreads }: Outline): number =>
    spreads.reduce((most, [name, at]) => Math.max(most, at + (nestings.get(name) ?? 0)), nesting);

  /** Measures a fragment after those that it spreads. Returns the names of a cycle, if there is one. */
  function measure(start: string, outline: Outline): readonly string[] | undefined {
    const path: Step[] = [{ name: start, outline, next: 0 }];
    const onPath = new Set([start]);
    for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
      const [name] = step.outline.spreads[step.next] ?? [];
      step.next += 1;
      if (name === undefined) {
        nestings.set(step.name, nestingOf(step.outline));
        onPath.delete(step.name);
        path.pop();
        continue;
      }
      if (onPath.has(name)) {
        const names = path.map((other) => other.name);
        return names.slice(names.indexOf(name));
      }
      const fragment = fragments.get(name);
      if (fragment === undefined || nestings.has(name)) continue;
      onPath.add(name);
      path.push({ name, outline: fragment, next: 0 });
    }
    return undefined;
  }

  for (const [name, outline] of fragments) {
    const cycle = nestings.has(name) ? undefined : measure(name, outline);
    if (cycle !== undefined) return cycleError(cycle);
  }
  const deepest = Math.max(...nestings.values(), ...operations.map(nestingOf), 0);
  return deepest > maxNesting
    ? publicError.tooExpensive(
        `Selections and values may be nested ${maxNesting} levels deep at most; this document has ${deepest}.`,
      )
    : subscriptionError(document);
}

const emptyDocument: DocumentNode = { kind: Kind.DOCUMENT, definitions: [] };

/**
 * Reports `structureError` and then hides the document from all other rules, some of which are recursive and would exhaust
 * the stack. Replacing the root node does that, as rules visit it before its children.
 */
export const noCyclesOrDeepNesting: ValidationRule = (context) => ({
  Document(document) {
    const error = structureError(document);
    if (error === undefined) return undefined;
    context.reportError(error);
    return emptyDocument;
  },
});

/** Parses a trusted operation, without a limit on its tokens. */
export function parseTrustedDocument(text: string | Source): DocumentNode {
  try {
    return parse(text);
  } catch (error) {
    // The parser is recursive too.
    if (!(error instanceof RangeError)) throw error;
    throw new GraphQLError('This document is nested too deeply to be parsed.');
  }
}

/** Validates a document of any depth by the rules of the specification. */
export const validateTrustedDocument = (
  schema: GraphQLSchema,
  document: DocumentNode,
): readonly GraphQLError[] =>
  validate(schema, document, [noCyclesOrDeepNesting, ...specifiedRules]);
