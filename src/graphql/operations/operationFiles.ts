import type { DocumentNode, FragmentDefinitionNode, OperationDefinitionNode } from 'graphql';
import { GraphQLError, Kind, print, Source, visit } from 'graphql';
import { parseTrustedDocument } from '../limits/documentStructure.ts';

/** The text of a file with operations and fragments. */
export interface OperationsFile {
  readonly file: string;
  readonly text: string;
}

export interface ParsedOperation {
  readonly file: string;
  readonly operation: OperationDefinitionNode;
}

interface ParsedOperations {
  readonly operations: readonly ParsedOperation[];
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** Files that cannot be parsed, and different fragments of the same name. */
  readonly problems: readonly string[];
}

/** The message of an error with the position in its file. */
export function describeProblem(file: string, error: unknown): string {
  const position = error instanceof GraphQLError ? error.locations?.[0] : undefined;
  const place =
    error instanceof GraphQLError && position !== undefined
      ? `${error.source?.name ?? file}:${position.line}:${position.column}`
      : file;
  return `${place}: ${error instanceof Error ? error.message : String(error)}`;
}

/** Parses operations and the fragments that they share. */
export function parseOperationFiles(files: readonly OperationsFile[]): ParsedOperations {
  const operations: ParsedOperation[] = [];
  const fragments = new Map<string, FragmentDefinitionNode>();
  const problems: string[] = [];
  for (const { file, text } of files) {
    try {
      for (const definition of parseTrustedDocument(new Source(text, file)).definitions) {
        if (definition.kind === Kind.OPERATION_DEFINITION) {
          operations.push({ file, operation: definition });
        } else if (definition.kind === Kind.FRAGMENT_DEFINITION) {
          const name = definition.name.value;
          const existing = fragments.get(name);
          if (existing !== undefined && print(existing) !== print(definition)) {
            problems.push(`${file}: Another file has a different fragment "${name}".`);
          }
          fragments.set(name, definition);
        }
      }
    } catch (error) {
      problems.push(describeProblem(file, error));
    }
  }
  return { operations, fragments, problems };
}

/** An operation with the fragments it uses, from any file. */
export function documentOf(
  operation: OperationDefinitionNode,
  fragments: ParsedOperations['fragments'],
): DocumentNode {
  const definitions: (OperationDefinitionNode | FragmentDefinitionNode)[] = [operation];
  // The loop also visits the fragments that it adds.
  for (const definition of definitions) {
    visit(definition, {
      FragmentSpread({ name }) {
        const fragment = fragments.get(name.value);
        if (fragment !== undefined && !definitions.includes(fragment)) definitions.push(fragment);
      },
    });
  }
  return { kind: Kind.DOCUMENT, definitions };
}
