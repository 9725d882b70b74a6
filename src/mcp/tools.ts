import type { DocumentNode, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import {
  isInputObjectType,
  Kind,
  OperationTypeNode,
  print,
  TypeInfo,
  validate,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { estimateWithAssumedVariables } from '../graphql/cost/assumedVariables.ts';
import type { DocumentValidation } from '../graphql/limits/documentLimits.ts';
import { validateTrustedDocument } from '../graphql/limits/documentStructure.ts';
import {
  describeProblem,
  documentOf,
  parseOperationFiles,
} from '../graphql/operations/operationFiles.ts';
import type { OperationsFile, ParsedOperation } from '../graphql/operations/operationFiles.ts';
import type { AllowedMutations } from '../graphql/policy/apply.ts';
import { isMutationAllowed } from '../graphql/policy/apply.ts';
import { fieldDeclarations } from '../graphql/schema/fields.ts';
import type { ToolAnnotations } from './annotations.ts';
import { annotationsOf } from './annotations.ts';
import { commentBefore } from './comments.ts';
import type { ToolInputSchema } from './inputSchema.ts';
import { inputSchemaOf } from './inputSchema.ts';
import type { ResultShape } from './resultShape.ts';
import { resultShapeOf } from './resultShape.ts';
import { addContinuationCursors } from './pages.ts';

/** An operation that agents can execute. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: ToolInputSchema;
  readonly annotations: ToolAnnotations;
  readonly isMutation: boolean;
  /** Whether its whole result is available to customers. */
  readonly isForCustomers: boolean;
  /** The text of the operation with its fragments. */
  readonly query: string;
  readonly variables: ReadonlySet<string>;
  /** The variable that continues a list after its last item. */
  readonly cursorVariable: string | undefined;
  readonly fields: ReadonlyMap<string, ResultShape>;
}

interface LoadToolsOptions {
  readonly schema: GraphQLSchema;
  readonly files: readonly OperationsFile[];
  readonly validation: DocumentValidation;
  readonly allowsWrites: boolean;
  readonly mutations: AllowedMutations | undefined;
}

interface LoadedTools {
  readonly tools: readonly Tool[];
  /** Why the operations cannot be served, with file and position. */
  readonly problems: readonly string[];
}

/** The longest name that all clients accept. */
const maxNameLength = 64;

const maxDescriptionLength = 100;

/** The first sentence of a description, without its markup. */
const firstSentence = (description: string | null | undefined): string | undefined =>
  /^.+?[.:](?=\s|$)/s
    .exec(description ?? '')?.[0]
    .replace(/[`\n]/g, (mark) => (mark === '\n' ? ' ' : ''))
    .replace(/[.:]$/, '')
    .slice(0, maxDescriptionLength);

/** The descriptions of the arguments and input fields that variables are used for. */
function argumentDescriptions(
  schema: GraphQLSchema,
  document: DocumentNode,
): ReadonlyMap<string, string> {
  const descriptions = new Map<string, string>();
  const typeInfo = new TypeInfo(schema);
  const add = (variable: string, description: string | null | undefined) => {
    const sentence = firstSentence(description);
    if (sentence !== undefined && !descriptions.has(variable)) {
      descriptions.set(variable, sentence);
    }
  };
  visit(
    document,
    visitWithTypeInfo(typeInfo, {
      Argument({ value }) {
        if (value.kind === Kind.VARIABLE) {
          add(value.name.value, typeInfo.getArgument()?.description);
        }
      },
      ObjectField({ name, value }) {
        const parent = schema.getType(String(typeInfo.getParentInputType()).replace(/\W/g, ''));
        if (value.kind === Kind.VARIABLE && isInputObjectType(parent)) {
          add(value.name.value, parent.getFields()[name.value]?.description);
        }
      },
    }),
  );
  return descriptions;
}

const booleanVariables = ({ variableDefinitions = [] }: OperationDefinitionNode, value: boolean) =>
  Object.fromEntries(
    variableDefinitions.flatMap(({ variable, type }) =>
      (type.kind === Kind.NON_NULL_TYPE ? type.type : type).kind === Kind.NAMED_TYPE &&
      print(type).replace('!', '') === 'Boolean'
        ? [[variable.name.value, value] as const]
        : [],
    ),
  );

/** The most calls for any arguments. Booleans decide what is selected, so both values are tried. */
function worstCalls(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): number {
  const costs = [true, false].map((value) => {
    const given = booleanVariables(operation, value);
    return estimateWithAssumedVariables({ schema, document, operation, given }).worst;
  });
  return Math.max(...costs);
}

const cursorDescription = 'From the previous result, for the rest';

class ToolLoader {
  readonly tools: Tool[] = [];
  readonly problems: string[] = [];
  readonly #options: LoadToolsOptions;
  readonly #files = new Map<string, string>();

  constructor(options: LoadToolsOptions) {
    this.#options = options;
  }

  load(): void {
    const parsed = parseOperationFiles(this.#options.files);
    this.problems.push(...parsed.problems);
    for (const named of parsed.operations) {
      const document = documentOf(named.operation, parsed.fragments);
      const problems = this.#problemsOf(named, document);
      this.problems.push(...problems);
      if (problems.length > 0) continue;
      const tool = this.#toolOf(named.operation, document);
      if (tool !== undefined) this.tools.push(tool);
    }
    if (parsed.operations.length === 0 && parsed.problems.length === 0) {
      this.problems.push('the files contain no operations');
    }
  }

  #problemsOf({ file, operation }: ParsedOperation, document: DocumentNode): readonly string[] {
    const { line, column } = operation.loc?.startToken ?? {};
    const place = `${file}:${line ?? 1}:${column ?? 1}`;
    const name = operation.name?.value;
    if (name === undefined) return [`${place}: the operation has no name`];
    const other = this.#files.get(name);
    this.#files.set(name, file);
    if (other !== undefined) return [`${place}: ${name} is also defined in ${other}`];
    if (name.length > maxNameLength) {
      return [`${place}: the name has more than ${maxNameLength} characters`];
    }
    if (operation.operation === OperationTypeNode.SUBSCRIPTION) {
      return [`${place}: ${name} is a subscription; tools return one result`];
    }
    const { schema, validation } = this.#options;
    const invalid = validateTrustedDocument(schema, document);
    const errors =
      invalid.length > 0 ? invalid : validate(schema, document, validation.validationRules);
    return errors.map((error) => describeProblem(error.locations ? file : place, error));
  }

  /** Undefined if mutations, or this one, are not allowed. */
  #toolOf(operation: OperationDefinitionNode, original: DocumentNode): Tool | undefined {
    const { schema, allowsWrites, mutations } = this.#options;
    const isMutation = operation.operation === OperationTypeNode.MUTATION;
    const { document, cursorVariable } = addContinuationCursors(schema, original);
    const { fields, coordinates } = resultShapeOf(schema, document, operation);
    const rootFields = [...fields.values()].map(({ coordinate }) =>
      coordinate.slice(coordinate.indexOf('.') + 1),
    );
    const isAllowed =
      !isMutation ||
      (allowsWrites && rootFields.every((field) => isMutationAllowed(field, mutations)));
    if (!isAllowed) return undefined;
    const name = operation.name?.value ?? '';
    const descriptions = argumentDescriptions(schema, original);
    const calls = worstCalls(schema, original, operation);
    const purpose =
      commentBefore(operation) ??
      firstSentence(
        schema.getRootType(operation.operation)?.getFields()[rootFields[0] ?? '']?.description,
      ) ??
      name;
    return {
      name,
      description: `${purpose.replace(/([^.!?])$/, '$1.')} Max. ${calls} ${calls === 1 ? 'call' : 'calls'}.`,
      inputSchema: inputSchemaOf({
        schema,
        operation,
        descriptionOf: (variable) =>
          variable === cursorVariable ? cursorDescription : descriptions.get(variable),
      }),
      annotations: annotationsOf(operation, rootFields),
      isMutation,
      isForCustomers:
        !isMutation &&
        [...coordinates].every((field) => fieldDeclarations.get(field)?.policy !== 'staff'),
      query: print(document),
      variables: new Set(
        (operation.variableDefinitions ?? []).map(({ variable }) => variable.name.value),
      ),
      cursorVariable,
      fields,
    };
  }
}

/** Creates a tool of each operation that may be served, in the order of the files. */
export function loadTools(options: LoadToolsOptions): LoadedTools {
  const loader = new ToolLoader(options);
  loader.load();
  return loader;
}
