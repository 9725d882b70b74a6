const isResolvable = ({ arguments: given = [] }) =>
  !given.some(({ name, value }) => name.value === 'resolvable' && value.value === false);

const isEntity = ({ astNode }) =>
  astNode?.directives?.some(
    (directive) => directive.name.value === 'key' && isResolvable(directive),
  ) === true;

/** Plugin of graphql-codegen: imports the types of the schema, which the resolver types refer to. Entities are not prefixed. */
export function plugin(schema) {
  const entities = Object.values(schema.getTypeMap()).filter(isEntity);
  const names = entities.map(({ name }) => name).join(', ');
  return {
    prepend: [
      "import type * as Schema from './generated.ts';",
      `import type { ${names} } from './generated.ts';`,
    ],
    content: '',
  };
}
