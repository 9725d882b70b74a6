import type {
  DocumentNode,
  ExecutionResult,
  GraphQLSchema,
  OperationDefinitionNode,
  SelectionSetNode,
  SourceLocation,
  VariableDefinitionNode,
} from 'graphql';
import {
  BREAK,
  execute,
  getNamedType,
  getOperationAST,
  getVariableValues,
  GraphQLError,
  isInputObjectType,
  isLeafType,
  Kind,
  OperationTypeNode,
  typeFromAST,
  visit,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import type { CompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';
import type { Context } from './context.ts';

export interface Execution {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  readonly context: Context;
}

export type Execute = (execution: Execution) => ExecutionResult | Promise<ExecutionResult>;

const isPromise = <Value>(value: Value | Promise<Value>): value is Promise<Value> =>
  value instanceof Promise;

/** One takes some tens of kilobytes and some milliseconds to make. */
const maxCompiled = 500;
/** Twice what a large page of a frontend asks for. */
const maxFields = 500;

const executePlainly =
  (schema: GraphQLSchema): Execute =>
  ({ document, operationName, variables, context }) =>
    execute({ schema, document, operationName, variableValues: variables, contextValue: context });

/** With fragments filled in, as code is made for each place of a field. */
function countFields(document: DocumentNode, { selectionSet }: OperationDefinitionNode): number {
  const fragments = new Map(
    document.definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [],
    ),
  );
  const counts = new Map<string, number>();
  const count = ({ selections }: SelectionSetNode): number =>
    selections.reduce((sum, selection) => {
      if (selection.kind !== Kind.FRAGMENT_SPREAD) {
        const own = selection.kind === Kind.FIELD ? 1 : 0;
        return (
          sum + own + (selection.selectionSet === undefined ? 0 : count(selection.selectionSet))
        );
      }
      const name = selection.name.value;
      const fragment = fragments.get(name);
      const known = counts.get(name) ?? (fragment === undefined ? 0 : count(fragment.selectionSet));
      counts.set(name, known);
      return sum + known;
    }, 0);
  return count(selectionSet);
}

/** The compiler does not come to an end with an input that may hold itself. */
function isShallow(schema: GraphQLSchema, { type }: VariableDefinitionNode): boolean {
  const input = typeFromAST(schema, type);
  const named = getNamedType(input);
  return (
    !isInputObjectType(named) ||
    Object.values(named.getFields()).every((field) => isLeafType(getNamedType(field.type)))
  );
}

/** Whether the compiled code does just what plain execution does. Found out by holding one against the other. */
function isCompilable(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): boolean {
  const { variableDefinitions = [], selectionSet } = operation;
  // After a mutation that failed the others still ran.
  const isSole =
    operation.operation === OperationTypeNode.QUERY || selectionSet.selections.length === 1;
  let isPlain = isSole && variableDefinitions.every((variable) => isShallow(schema, variable));
  if (isPlain && countFields(document, operation) > maxFields) isPlain = false;
  visit(document, {
    // A field that is asked for twice, once on a condition, appeared where it should not.
    Directive: () => {
      isPlain = false;
      return BREAK;
    },
    // Asked by tools, once.
    Field({ name }) {
      if (!name.value.startsWith('__') || name.value === '__typename') return undefined;
      isPlain = false;
      return BREAK;
    },
  });
  return isPlain;
}

/** Undefined for what is executed plainly. */
function compile(schema: GraphQLSchema, { document, operationName }: Execution) {
  const operation = getOperationAST(document, operationName);
  if (!operation || !isCompilable(schema, document, operation)) return undefined;
  const compiled = compileQuery(schema, document, operationName ?? undefined, {
    disablingCapturingStackErrors: true,
  });
  return isCompiledQuery(compiled) ? compiled : undefined;
}

/** Its own words about variables differ from those of plain execution. */
function hasGoodVariables(schema: GraphQLSchema, { document, operationName, ...given }: Execution) {
  const { variableDefinitions = [] } = getOperationAST(document, operationName) ?? {};
  const { variables = {} } = given;
  return (
    getVariableValues(schema, variableDefinitions, variables, { maxErrors: 1 }).errors === undefined
  );
}

const lineEnd = /\r\n|[\n\r]/g;

/** Where a line and column are in a text. */
function positionOf(text: string, { line, column }: SourceLocation): number {
  const ends = [...text.matchAll(lineEnd)];
  const end = ends[line - 2];
  return (end === undefined ? 0 : end.index + end[0].length) + column - 1;
}

/** The errors of compiled code lack half of what others rely on. */
const finish =
  ({ loc }: DocumentNode) =>
  ({ errors, ...result }: ExecutionResult): ExecutionResult => {
    if (errors === undefined) return result;
    const source = loc?.source;
    const whole = errors.map(
      ({ message, locations, path, originalError }) =>
        new GraphQLError(message, {
          path,
          originalError,
          source,
          positions: source && locations?.map((location) => positionOf(source.body, location)),
        }),
    );
    return { ...result, errors: whole };
  };

type Plan = { readonly compiled: CompiledQuery | undefined } | 'seen once';

/** Executes operations with the code made for each; on its first time an operation is not worth that. */
export function createCompiledExecute(schema: GraphQLSchema): Execute {
  const executeAnyway = executePlainly(schema);
  const plans = new LRUCache<DocumentNode, Map<string, Plan>>({ max: maxCompiled });

  return (execution) => {
    const { document, operationName, variables, context } = execution;
    let named = plans.get(document);
    if (named === undefined) plans.set(document, (named = new Map()));
    const name = operationName ?? '';
    const plan = named.get(name);
    if (plan === undefined) {
      named.set(name, 'seen once');
      return executeAnyway(execution);
    }
    const made = plan === 'seen once' ? { compiled: compile(schema, execution) } : plan;
    if (plan === 'seen once') named.set(name, made);
    if (made.compiled === undefined || !hasGoodVariables(schema, execution)) {
      return executeAnyway(execution);
    }
    const result = made.compiled.query(undefined, context, variables);
    return isPromise(result) ? result.then(finish(document)) : finish(document)(result);
  };
}
