import { GraphQLError, Kind, parse, specifiedRules, validate, visit } from 'graphql';
import type { DocumentNode, GraphQLSchema, ValidationRule } from 'graphql';
import { operationTooExpensiveError } from './tooExpensive.ts';

/**
 * Levels of selections, values and types within each other, fragments written out. Whatever reads a document recursively, such as
 * the rules of graphql-js, needs some stack frames for each level.
 */
const maxNesting = 200;

/** How deep the text of one definition is, and the fragments that it spreads with the depth at which it does. */
interface Outline {
  nesting: number;
  readonly spreads: [name: string, nesting: number][];
}

/** `visit` keeps a stack of its own, so that the depth of a document does not matter to it. */
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

/** A fragment on the way from a definition to what it spreads. */
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

/** The error of a document that no recursive algorithm may see: its fragments form a cycle, or it is nested too deeply. */
export function structureError(document: DocumentNode): GraphQLError | undefined {
  const { fragments, operations } = outlinesOf(document);
  /** Of fragments, with all that they spread. */
  const nestings = new Map<string, number>();
  const nestingOf = ({ nesting, spreads }: Outline): number =>
    spreads.reduce((most, [name, at]) => Math.max(most, at + (nestings.get(name) ?? 0)), nesting);

  /** Measures a fragment after those that it spreads. Gives the names of a cycle if there is one. */
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
    ? operationTooExpensiveError(
        `Selections and values may be nested ${maxNesting} levels deep at most; this document has ${deepest}.`,
      )
    : undefined;
}

const emptyDocument: DocumentNode = { kind: Kind.DOCUMENT, definitions: [] };

/**
 * Reports `structureError`, and hides the document from all other rules in that case: some of graphql-js's are recursive and
 * would exhaust the stack. A visitor that replaces the root does that, as the rules see it before anything below it.
 */
export const structureRule: ValidationRule = (context) => ({
  Document(document) {
    const error = structureError(document);
    if (error === undefined) return undefined;
    context.reportError(error);
    return emptyDocument;
  },
});

/** Parses an operation that did not come from a client, and so has no limit on its tokens. */
export function parseDocument(text: string): DocumentNode {
  try {
    return parse(text);
  } catch (error) {
    // The parser is recursive too.
    if (!(error instanceof RangeError)) throw error;
    throw new GraphQLError('This document is nested too deeply to be parsed.');
  }
}

/** The errors of a document by the rules of the specification. It may be nested however deeply. */
export const validateDocument = (
  schema: GraphQLSchema,
  document: DocumentNode,
): readonly GraphQLError[] => validate(schema, document, [structureRule, ...specifiedRules]);
