import { Kind } from 'graphql';
import type {
  DocumentNode,
  OperationDefinitionNode,
  SelectionNode,
  SelectionSetNode,
  ValidationRule,
} from 'graphql';
import { levelsOf } from '../../lib/json.ts';
import { publicError } from '../errors.ts';
import { fragmentsOf, noCyclesOrDeepNesting } from './documentStructure.ts';
import { noIntrospection } from './introspection.ts';

/** Limits on the text of one operation. */
interface DocumentLimits {
  /** Nested fields, including those of fragments. */
  readonly depth: number;
  /** Aliases, and selections repeated in the same selection set. */
  readonly aliases: number;
  readonly directives: number;
  /** Lexical tokens of the document. */
  readonly tokens: number;
}

/** Deeper than any input object of the schema. */
const maxVariableDepth = 24;

/** Reporting all errors of a large document can take minutes. */
export const maxValidationErrors = 8;

interface DocumentSize {
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
}

const emptySize: DocumentSize = { depth: 0, aliases: 0, directives: 0 };

/** graphql-js limits these itself, and the introspection query of GraphQL IDEs is deep. */
const isIntrospection = (name: string): boolean => name === '__schema' || name === '__type';

/** Identifies a selection, to detect repetitions in a selection set. */
function selectionKey(selection: SelectionNode): string {
  if (selection.kind === Kind.FIELD) return (selection.alias ?? selection.name).value;
  return selection.kind === Kind.FRAGMENT_SPREAD
    ? `... ${selection.name.value}`
    : `... on ${selection.typeCondition?.name.value}`;
}

/** Measures an operation with its fragments expanded. Each fragment is measured once. */
function createSizeMeasure(document: DocumentNode) {
  const fragments = fragmentsOf(document);
  const measured = new Map<string, DocumentSize>();

  function sizeOfFragment(name: string): DocumentSize {
    const cached = measured.get(name);
    if (cached !== undefined) return cached;
    const fragment = fragments.get(name);
    if (fragment === undefined) return emptySize;
    // Another validation rule reports cycles.
    measured.set(name, emptySize);
    const size = sizeOfSet(fragment.selectionSet);
    const all = { ...size, directives: size.directives + (fragment.directives?.length ?? 0) };
    measured.set(name, all);
    return all;
  }

  function sizeOf(selection: SelectionNode): DocumentSize {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return sizeOfFragment(selection.name.value);
    const { selectionSet } = selection;
    const inner = selectionSet === undefined ? emptySize : sizeOfSet(selectionSet);
    if (selection.kind === Kind.INLINE_FRAGMENT) return inner;
    return {
      ...inner,
      depth: isIntrospection(selection.name.value) ? 1 : inner.depth + 1,
      aliases: inner.aliases + (selection.alias === undefined ? 0 : 1),
    };
  }

  function sizeOfSet({ selections }: SelectionSetNode): DocumentSize {
    let { depth, aliases, directives } = emptySize;
    const targets = new Set<string>();
    for (const selection of selections) {
      const size = sizeOf(selection);
      depth = Math.max(depth, size.depth);
      aliases += size.aliases;
      directives += size.directives + (selection.directives?.length ?? 0);
      const target = selectionKey(selection);
      if (targets.has(target)) aliases += 1;
      targets.add(target);
    }
    return { depth, aliases, directives };
  }

  return (operation: OperationDefinitionNode): DocumentSize => {
    const size = sizeOfSet(operation.selectionSet);
    const variables = operation.variableDefinitions ?? [];
    const outerDirectives = [operation, ...variables].map(
      ({ directives = [] }) => directives.length,
    );
    return {
      ...size,
      directives: outerDirectives.reduce((sum, count) => sum + count, size.directives),
    };
  };
}

const dimensionLabels: Readonly<Record<keyof DocumentSize, string>> = {
  depth: 'levels of fields',
  aliases: 'aliases and repeated selections',
  directives: 'directives',
};

const dimensions = ['depth', 'aliases', 'directives'] as const;

/** Reports at most one error for each limit. */
function limitViolations(document: DocumentNode, limits: DocumentLimits): string[] {
  const measure = createSizeMeasure(document);
  const sizes = document.definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION ? [measure(definition)] : [],
  );
  return dimensions.flatMap((dimension) => {
    const most = Math.max(0, ...sizes.map((size) => size[dimension]));
    return most > limits[dimension]
      ? `This operation has ${most} ${dimensionLabels[dimension]}; the limit is ${limits[dimension]}.`
      : [];
  });
}

/** A list in the variables is read once for each field that uses it. */
const maxVariableListLength = 2_000;

/** Limits nesting and list lengths. */
function variablesProblem(variables: unknown): string | undefined {
  let depth = 0;
  for (const level of levelsOf(variables)) {
    depth += 1;
    if (depth > maxVariableDepth) {
      return `Variables may be nested ${maxVariableDepth} levels deep at most.`;
    }
    for (const parent of level) {
      if (Array.isArray(parent) && parent.length > maxVariableListLength) {
        return `A list in the variables may have at most ${maxVariableListLength} entries.`;
      }
    }
  }
  return undefined;
}

/** Must be called before variables are read; fails with `OPERATION_TOO_EXPENSIVE`. */
export function assertVariablesWithinLimits(variables: unknown): void {
  const problem = variablesProblem(variables);
  if (problem !== undefined) throw publicError.tooExpensive(problem);
}

/** The options of the parser and the validator, for all transports. */
export const createDocumentValidation = (limits: DocumentLimits, isProduction: boolean) => ({
  parseOptions: { maxTokens: limits.tokens },
  validationRules: [
    // First: it hides documents that would exhaust the stack from the other rules.
    noCyclesOrDeepNesting,
    (context) => ({
      Document(document) {
        for (const problem of limitViolations(document, limits))
          context.reportError(publicError.tooExpensive(problem));
      },
    }),
    ...(isProduction ? [noIntrospection] : []),
  ] satisfies readonly ValidationRule[],
  validationOptions: { maxErrors: maxValidationErrors },
});

export type DocumentValidation = ReturnType<typeof createDocumentValidation>;
