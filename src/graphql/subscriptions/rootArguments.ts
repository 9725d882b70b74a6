import type { ASTNode, DocumentNode, FieldNode, ValueNode } from 'graphql';
import { getOperationAST, Kind, print, visit } from 'graphql';
import { fragmentsOf, rootSelections } from '../limits/documentStructure.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';

type Variables = ValidatedSubscription['variables'];
type Operation = Pick<ValidatedSubscription, 'document' | 'operationName'>;
type RemovedArgument = (field: string, argument: string) => boolean;

function rootFields(document: DocumentNode, operationName: string | null): Set<FieldNode> {
  const operation = getOperationAST(document, operationName);
  const selections = operation ? rootSelections(operation.selectionSet, fragmentsOf(document)) : [];
  return new Set(Array.from(selections).filter((selection) => selection.kind === Kind.FIELD));
}

function usedVariables(node: ASTNode): ReadonlySet<string> {
  const names = new Set<string>();
  visit(node, {
    VariableDefinition: () => false,
    Variable({ name }) {
      names.add(name.value);
    },
  });
  return names;
}

/** A document without some arguments of its root fields, and without the variables that nothing else uses. */
class ReducedDocument {
  readonly document: DocumentNode;
  /** The removed arguments, by name. */
  readonly removed: ReadonlyMap<string, ValueNode>;
  readonly #removedVariables: ReadonlySet<string>;
  #source: string | undefined;

  constructor({ document, operationName }: Operation, isRemoved: RemovedArgument) {
    const fields = rootFields(document, operationName);
    const removed = new Map<string, ValueNode>();
    const withoutArguments: DocumentNode = visit(document, {
      Field(node) {
        if (!fields.has(node)) return undefined;
        const kept = node.arguments?.filter(({ name, value }) => {
          const isKept = !isRemoved(node.name.value, name.value);
          if (!isKept) removed.set(name.value, value);
          return isKept;
        });
        return { ...node, arguments: kept };
      },
    });
    this.removed = removed;
    const used = usedVariables(withoutArguments);
    const candidates = [...removed.values()].flatMap((value) => [...usedVariables(value)]);
    const unused = new Set(candidates.filter((name) => !used.has(name)));
    this.#removedVariables = unused;
    this.document =
      removed.size === 0
        ? document
        : visit(withoutArguments, {
            VariableDefinition: ({ variable }) =>
              unused.has(variable.name.value) ? null : undefined,
          });
  }

  /** Equal for documents that differ in nothing else but white space and comments. */
  get source(): string {
    this.#source ??= print(this.document);
    return this.#source;
  }

  variables(given: Variables): Variables {
    const entries = Object.entries(given);
    return Object.fromEntries(entries.filter(([name]) => !this.#removedVariables.has(name)));
  }
}

/** Removes arguments from documents, once from each. */
export class RootArguments {
  readonly #isRemoved: RemovedArgument;
  readonly #reduced = new WeakMap<DocumentNode, Map<string | null, ReducedDocument>>();

  constructor(isRemoved: RemovedArgument) {
    this.#isRemoved = isRemoved;
  }

  removeFrom({ document, operationName }: Operation): ReducedDocument {
    const byName = this.#reduced.get(document) ?? new Map<string | null, ReducedDocument>();
    this.#reduced.set(document, byName);
    const reduced =
      byName.get(operationName) ??
      new ReducedDocument({ document, operationName }, this.#isRemoved);
    byName.set(operationName, reduced);
    return reduced;
  }
}
