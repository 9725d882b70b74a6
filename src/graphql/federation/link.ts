import type {
  ConstDirectiveNode,
  ConstValueNode,
  DocumentNode,
  SchemaDefinitionNode,
  SchemaExtensionNode,
} from 'graphql';
import { Kind, valueFromASTUntyped } from 'graphql';

/** The federation spec that a schema links. */
interface FederationLink {
  /** The name under which the schema uses an element of the spec such as `@key` or `FieldSet`. */
  nameOf(element: string): string;
  /** The definitions of the spec's version, under those names. */
  readonly definitions: string;
}

interface SpecDirective {
  /** The first minor version of Federation 2 that has it. */
  readonly sinceMinor: number;
  /** The definition after its name; `FieldSet`, `Scope` and `Policy` are the spec's scalars. */
  readonly define: (minor: number) => string;
}

const anyLocation =
  'FIELD_DEFINITION | OBJECT | INTERFACE | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | ' +
  'INPUT_OBJECT | INPUT_FIELD_DEFINITION';
const authorizationLocations = 'FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM';

const newestMinor = 9;

const directives: Readonly<Record<string, SpecDirective>> = {
  '@key': {
    sinceMinor: 0,
    define: () =>
      '(fields: FieldSet!, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE',
  },
  '@requires': { sinceMinor: 0, define: () => '(fields: FieldSet!) on FIELD_DEFINITION' },
  '@provides': { sinceMinor: 0, define: () => '(fields: FieldSet!) on FIELD_DEFINITION' },
  '@external': { sinceMinor: 0, define: () => '(reason: String) on OBJECT | FIELD_DEFINITION' },
  '@extends': { sinceMinor: 0, define: () => 'on OBJECT | INTERFACE' },
  '@shareable': {
    sinceMinor: 0,
    define: (minor) => `${minor >= 2 ? 'repeatable ' : ''}on OBJECT | FIELD_DEFINITION`,
  },
  '@inaccessible': { sinceMinor: 0, define: () => `on ${anyLocation}` },
  '@tag': {
    sinceMinor: 0,
    define: (minor) =>
      `(name: String!) repeatable on ${anyLocation}${minor >= 3 ? ' | SCHEMA' : ''}`,
  },
  '@override': {
    sinceMinor: 0,
    define: (minor) => `(from: String!${minor >= 7 ? ', label: String' : ''}) on FIELD_DEFINITION`,
  },
  '@composeDirective': { sinceMinor: 1, define: () => '(name: String!) repeatable on SCHEMA' },
  '@interfaceObject': { sinceMinor: 3, define: () => 'on OBJECT' },
  '@authenticated': { sinceMinor: 5, define: () => `on ${authorizationLocations}` },
  '@requiresScopes': {
    sinceMinor: 5,
    define: () => `(scopes: [[Scope!]!]!) on ${authorizationLocations}`,
  },
  '@policy': {
    sinceMinor: 6,
    define: () => `(policies: [[Policy!]!]!) on ${authorizationLocations}`,
  },
  '@context': {
    sinceMinor: 8,
    define: () => '(name: String!) repeatable on OBJECT | INTERFACE | UNION',
  },
  '@fromContext': {
    sinceMinor: 8,
    define: () => '(field: ContextFieldValue) on ARGUMENT_DEFINITION',
  },
  '@cost': {
    sinceMinor: 9,
    define: () =>
      '(weight: Int!) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR',
  },
  '@listSize': {
    sinceMinor: 9,
    define: () =>
      '(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION',
  },
};

const scalars: Readonly<Record<string, number>> = {
  FieldSet: 0,
  Scope: 5,
  Policy: 6,
  ContextFieldValue: 8,
};

/** The spec of `@link` itself, which every subgraph has. */
const linkSpec = /* GraphQL */ `
  scalar link__Import
  enum link__Purpose {
    SECURITY
    EXECUTION
  }
  directive @link(
    url: String!
    as: String
    for: link__Purpose
    import: [link__Import]
  ) repeatable on SCHEMA
`;

const isSchema = ({ kind }: { kind: Kind }): boolean =>
  kind === Kind.SCHEMA_DEFINITION || kind === Kind.SCHEMA_EXTENSION;

const federationSpecUrl = /^https:\/\/specs\.apollo\.dev\/federation\/v2\.([0-9]+)$/;

const argumentOf = (
  { arguments: given = [] }: ConstDirectiveNode,
  name: string,
): ConstValueNode | undefined => given.find((argument) => argument.name.value === name)?.value;

const stringArgument = (link: ConstDirectiveNode, name: string): string | undefined => {
  const value = argumentOf(link, name);
  return value?.kind === Kind.STRING ? value.value : undefined;
};

/** The imports by their name in the spec. An import is a name, or `{ name, as }`. */
function importsOf(link: ConstDirectiveNode): ReadonlyMap<string, string> {
  const list = argumentOf(link, 'import');
  const imports = new Map<string, string>();
  for (const value of list?.kind === Kind.LIST ? list.values : []) {
    const given: unknown = valueFromASTUntyped(value);
    if (typeof given === 'string') imports.set(given, given);
    if (typeof given !== 'object' || given === null || !('name' in given)) continue;
    const name = String(given.name);
    imports.set(name, 'as' in given ? String(given.as) : name);
  }
  return imports;
}

const isSchemaNode = (
  node: DocumentNode['definitions'][number],
): node is SchemaDefinitionNode | SchemaExtensionNode => isSchema(node);

/** Reads the `@link` of a schema. Throws if there is none, or if its version or an import is unknown. */
export function resolveFederationLink(document: DocumentNode): FederationLink {
  const link = document.definitions
    .filter(isSchemaNode)
    .flatMap((node) => node.directives ?? [])
    .find(
      (directive) =>
        directive.name.value === 'link' &&
        federationSpecUrl.test(stringArgument(directive, 'url') ?? ''),
    );
  if (link === undefined) throw new Error('The schema links no version of Federation 2.');
  const minor = Number(federationSpecUrl.exec(stringArgument(link, 'url') ?? '')?.[1]);
  if (minor > newestMinor)
    throw new Error(`Federation is known up to v2.${newestMinor}, not v2.${minor}.`);

  const namespace = stringArgument(link, 'as') ?? 'federation';
  const imports = importsOf(link);
  const knownDirectives = Object.entries(directives).filter(
    ([, { sinceMinor }]) => sinceMinor <= minor,
  );
  const knownScalars = Object.keys(scalars).filter((name) => (scalars[name] ?? 0) <= minor);
  const names = new Set([...knownDirectives.map(([name]) => name), ...knownScalars]);
  for (const name of imports.keys()) {
    if (!names.has(name)) throw new Error(`Federation v2.${minor} has no ${name}.`);
  }
  const nameOf = (element: string): string =>
    imports.get(element) ??
    (element.startsWith('@') ? `@${namespace}__${element.slice(1)}` : `${namespace}__${element}`);
  const withScalars = (text: string): string =>
    text.replace(/\b(FieldSet|Scope|Policy|ContextFieldValue)\b/g, (name) => nameOf(name));
  return {
    nameOf,
    definitions: [
      linkSpec,
      ...knownScalars.map((name) => `scalar ${nameOf(name)}`),
      ...knownDirectives.map(
        ([name, { define }]) => `directive ${nameOf(name)} ${withScalars(define(minor))}`,
      ),
    ].join('\n'),
  };
}
