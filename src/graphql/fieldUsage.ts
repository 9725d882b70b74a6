import type {
  DocumentNode,
  FragmentDefinitionNode,
  GraphQLSchema,
  OperationDefinitionNode,
} from 'graphql';
import { TypeInfo, visit, visitWithTypeInfo } from 'graphql';
import type { ClientApplication } from '../lib/clientApplication.ts';
import { elementsInVariables, inputVariablesOf } from './inputElements.ts';
import { fragmentsOf } from './limits/documentStructure.ts';

/** Numbers of executed operations by schema element and client. */
type ObserveUsage = (usage: {
  readonly field: string;
  readonly client: ClientApplication;
  readonly count: number;
}) => void;

/**
 * Whose values become metric labels: `untrusted` are customers and clients whose key HelpCrunch has not accepted. Each source has limits of
 * its own, so that a customer cannot use up those of the agents.
 */
export type LabelSource = 'trusted' | 'untrusted';

/** For each source. */
const maxClients = 50;
const maxSeries = 3_000;
const maxPending = 500;

const unknownClient: ClientApplication = { name: 'unknown', version: 'unknown' };
const otherClient: ClientApplication = { name: 'other', version: 'other' };

/** The fragments that an operation uses, directly or through others. */
function usedFragments(
  operation: OperationDefinitionNode,
  document: DocumentNode | undefined,
): FragmentDefinitionNode[] {
  const used = new Set<FragmentDefinitionNode>();
  const fragments = document && fragmentsOf(document);
  const collect = (node: OperationDefinitionNode | FragmentDefinitionNode) =>
    visit(node, {
      FragmentSpread({ name }) {
        const found = fragments?.get(name.value);
        if (found === undefined || used.has(found)) return;
        used.add(found);
        collect(found);
      },
    });
  collect(operation);
  return [...used];
}

const withoutWrappers = (type: string): string => type.replace(/[[\]!]/g, '');

/** The fields, arguments, input fields and enum values in a document, as `Type.field` and `Type.field.argument`. */
function elementsInDocument(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  document: DocumentNode | undefined,
): ReadonlySet<string> {
  const elements = new Set<string>();
  const info = new TypeInfo(schema);
  const fieldName = () => `${info.getParentType()?.name}.${info.getFieldDef()?.name}`;
  const isKnown = () => info.getParentType() && !info.getFieldDef()?.name.startsWith('__');
  const visitor = visitWithTypeInfo(info, {
    Field() {
      if (info.getFieldDef() && isKnown()) elements.add(fieldName());
    },
    Argument({ name }) {
      if (info.getArgument() && info.getFieldDef() && isKnown())
        elements.add(`${fieldName()}.${name.value}`);
    },
    ObjectField({ name }) {
      const parent = info.getParentInputType();
      if (parent) elements.add(`${withoutWrappers(String(parent))}.${name.value}`);
    },
    EnumValue({ value }) {
      const type = info.getInputType();
      if (type) elements.add(`${withoutWrappers(String(type))}.${value}`);
    },
  });
  for (const node of [operation, ...usedFragments(operation, document)]) visit(node, visitor);
  return elements;
}

/** The labels of one source. */
class UsageLabels {
  readonly #clients = new Map<string, LabelledClient>();
  readonly #series = new Set<string>();
  readonly #unknown: LabelledClient = { application: unknownClient, labels: this };
  readonly #other: LabelledClient = { application: otherClient, labels: this };

  limitClient(given: ClientApplication | undefined): LabelledClient {
    if (given === undefined) return this.#unknown;
    const { name, version } = given;
    const key = JSON.stringify([name, version]);
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    if (this.#clients.size >= maxClients) return this.#other;
    const client = { application: { name, version }, labels: this };
    this.#clients.set(key, client);
    return client;
  }

  /** Further combinations are counted for the client `other`, so that no used field is missing. */
  limitSeries(field: string, client: ClientApplication) {
    const name = JSON.stringify([field, client.name, client.version]);
    if (!this.#series.has(name)) {
      if (this.#series.size >= maxSeries) return { field, client: otherClient };
      this.#series.add(name);
    }
    return { field, client };
  }
}

/** One object for each application of a source. */
interface LabelledClient {
  readonly application: ClientApplication;
  readonly labels: UsageLabels;
}

/** Executions by client, for elements that are counted together. */
type PendingCounts = Map<ReadonlySet<string>, Map<LabelledClient, number>>;

/** The executions that used each element. Operations have most elements in common. */
function countsByClient(pending: PendingCounts): Map<LabelledClient, Map<string, number>> {
  const result = new Map<LabelledClient, Map<string, number>>();
  for (const [elements, executions] of pending) {
    for (const [client, count] of executions) {
      const counts = result.get(client) ?? new Map<string, number>();
      result.set(client, counts);
      for (const element of elements) counts.set(element, (counts.get(element) ?? 0) + count);
    }
  }
  return result;
}

/** What is determined once for an operation. */
interface OperationElements {
  readonly inDocument: ReadonlySet<string>;
  readonly inputVariables: ReturnType<typeof inputVariablesOf>;
}

interface ExecutedOperation {
  readonly operation: OperationDefinitionNode;
  /** Contains the fragments of the operation. */
  readonly document: DocumentNode | undefined;
  readonly variables: Readonly<Record<string, unknown>> | null | undefined;
  /** What the client says it is. */
  readonly application: ClientApplication | undefined;
  readonly source: LabelSource;
}

/**
 * Counts which client applications use which elements of the schema, each once per execution. The elements in the document are computed once;
 * an execution then adds to one number, which is distributed to them later, and to one for each further element in its variables.
 */
export class FieldUsage {
  readonly #schema: GraphQLSchema;
  readonly #observe: ObserveUsage;
  readonly #elements = new WeakMap<OperationDefinitionNode, OperationElements>();
  /** Each element of a variable, to be counted alone. */
  readonly #single = new Map<string, ReadonlySet<string>>();
  readonly #labels = { trusted: new UsageLabels(), untrusted: new UsageLabels() };
  #pending: PendingCounts = new Map();

  constructor(schema: GraphQLSchema, observe: ObserveUsage) {
    this.#schema = schema;
    this.#observe = observe;
  }

  record({ operation, document, variables, application, source }: ExecutedOperation): void {
    const { inDocument, inputVariables } = this.#elementsOf(operation, document);
    const client = this.#labels[source].limitClient(application);
    this.#count(inDocument, client);
    if (inputVariables.length > 0) {
      for (const element of elementsInVariables(inputVariables, variables ?? {}))
        if (!inDocument.has(element)) this.#count(this.#singleSet(element), client);
    }
    if (this.#pending.size >= maxPending) this.flush();
  }

  /** Passes the numbers on. */
  flush(): void {
    const pending = this.#pending;
    this.#pending = new Map();
    for (const [{ application, labels }, counts] of countsByClient(pending)) {
      for (const [field, count] of counts)
        this.#observe({ count, ...labels.limitSeries(field, application) });
    }
  }

  #elementsOf(
    operation: OperationDefinitionNode,
    document: DocumentNode | undefined,
  ): OperationElements {
    const known = this.#elements.get(operation);
    if (known !== undefined) return known;
    const elements = {
      inDocument: elementsInDocument(this.#schema, operation, document),
      inputVariables: inputVariablesOf(this.#schema, operation),
    };
    this.#elements.set(operation, elements);
    return elements;
  }

  #singleSet(element: string): ReadonlySet<string> {
    const known = this.#single.get(element);
    if (known !== undefined) return known;
    const set = new Set([element]);
    this.#single.set(element, set);
    return set;
  }

  #count(elements: ReadonlySet<string>, client: LabelledClient): void {
    const counts = this.#pending.get(elements) ?? new Map<LabelledClient, number>();
    counts.set(client, (counts.get(client) ?? 0) + 1);
    this.#pending.set(elements, counts);
  }
}
