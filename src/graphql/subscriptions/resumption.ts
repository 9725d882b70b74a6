import type { DocumentNode, FieldNode, SelectionSetNode, ValueNode } from 'graphql';
import { getOperationAST, Kind, print, visit } from 'graphql';
import { isEventId } from '../../events/eventIds.ts';
import type { PublicError } from '../errors.ts';
import { publicError } from '../errors.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';

const argumentName = 'after';

/** A document without the argument `after` of its root field. */
interface SplitDocument {
  readonly document: DocumentNode;
  readonly source: string;
  readonly value: ValueNode;
  /** The default of the variable that the argument uses. */
  readonly defaultValue: ValueNode | undefined;
  /** A variable that nothing else uses. */
  readonly unusedVariable: string | undefined;
}

/** A subscription whose subscribers share its events, and the event after which one of them continues. */
export interface Resumption {
  readonly subscription: ValidatedSubscription;
  readonly after: string | undefined;
}

function rootFields(document: DocumentNode, selectionSet: SelectionSetNode): readonly FieldNode[] {
  return selectionSet.selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return selection;
    if (selection.kind === Kind.INLINE_FRAGMENT)
      return rootFields(document, selection.selectionSet);
    const fragment = document.definitions.find(
      (definition) =>
        definition.kind === Kind.FRAGMENT_DEFINITION &&
        definition.name.value === selection.name.value,
    );
    return fragment?.kind === Kind.FRAGMENT_DEFINITION
      ? rootFields(document, fragment.selectionSet)
      : [];
  });
}

function usesVariable(document: DocumentNode, name: string): boolean {
  let isUsed = false;
  visit(document, {
    VariableDefinition: () => false,
    Variable(node) {
      isUsed ||= node.name.value === name;
    },
  });
  return isUsed;
}

function split({ document, operationName }: ValidatedSubscription): SplitDocument | undefined {
  const operation = getOperationAST(document, operationName);
  if (!operation) return undefined;
  const fields = new Set(rootFields(document, operation.selectionSet));
  const isAfter = ({ name }: { readonly name: { readonly value: string } }) =>
    name.value === argumentName;
  const value = [...fields].flatMap(({ arguments: all = [] }) => all).find(isAfter)?.value;
  if (value === undefined) return undefined;
  const name = value.kind === Kind.VARIABLE ? value.name.value : undefined;
  const definition = operation.variableDefinitions?.find(
    ({ variable }) => variable.name.value === name,
  );
  const withoutArgument: DocumentNode = visit(document, {
    Field: (node) =>
      fields.has(node)
        ? { ...node, arguments: node.arguments?.filter((argument) => !isAfter(argument)) }
        : undefined,
  });
  const unusedVariable =
    name !== undefined && !usesVariable(withoutArgument, name) ? name : undefined;
  const shared: DocumentNode = visit(withoutArgument, {
    VariableDefinition: (node) => (node.variable.name.value === unusedVariable ? null : undefined),
  });
  const { defaultValue } = definition ?? {};
  return { document: shared, source: print(shared), value, defaultValue, unusedVariable };
}

/** The argument as the client gives it. */
function valueOf(
  { value, defaultValue }: SplitDocument,
  variables: ValidatedSubscription['variables'],
): unknown {
  if (value.kind === Kind.VARIABLE) {
    const given = variables[value.name.value];
    return given === undefined && defaultValue ? literalOf(defaultValue) : given;
  }
  return literalOf(value);
}

const literalOf = (value: ValueNode): unknown =>
  value.kind === Kind.NULL ? null : 'value' in value ? value.value : undefined;

/** Subscribers that continue after different events have the same document and variables. */
export class Resumptions {
  /** Documents without the argument are undefined. */
  readonly #splits = new WeakMap<DocumentNode, { readonly split: SplitDocument | undefined }>();

  /** `lastEventId` is a header. Clients that send it have received it after they subscribed with the argument. */
  of(subscription: ValidatedSubscription, lastEventId = ''): Resumption | PublicError {
    const { operationName, variables } = subscription;
    const known = this.#splitOf(subscription);
    const argument = known && valueOf(known, variables);
    const [name, after] =
      lastEventId === '' ? [argumentName, argument ?? undefined] : ['Last-Event-ID', lastEventId];
    const id = typeof after === 'string' ? after.toLowerCase() : after;
    if (id !== undefined && !isEventId(id)) {
      return publicError.badUserInput(
        `${name}: must be the \`extensions.eventId\` of an event of this gateway.`,
      );
    }
    if (known === undefined) return { subscription, after: id };
    const { unusedVariable, source } = known;
    const shared = Object.entries(variables).filter(([each]) => each !== unusedVariable);
    const parts = { document: known.document, source, operationName };
    return { subscription: { ...parts, variables: Object.fromEntries(shared) }, after: id };
  }

  #splitOf(subscription: ValidatedSubscription): SplitDocument | undefined {
    const known = this.#splits.get(subscription.document);
    if (known !== undefined) return known.split;
    const entry = { split: split(subscription) };
    this.#splits.set(subscription.document, entry);
    return entry.split;
  }
}
