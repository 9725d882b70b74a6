import type { DirectiveNode, DocumentNode } from 'graphql';
import { Kind, parse, print, specifiedDirectives, visit } from 'graphql';

const builtInDirectives = specifiedDirectives.map(({ name }) => name);

const directivesDefinedIn = ({ definitions }: DocumentNode): readonly string[] =>
  definitions.flatMap((definition) =>
    definition.kind === Kind.DIRECTIVE_DEFINITION ? [definition.name.value] : [],
  );

/** The schema that clients use, without the directives that `@link` imports. `buildSchema` accepts it. */
export function apiSdl(sdl: string): string {
  const document = parse(sdl);
  const kept = new Set([...builtInDirectives, ...directivesDefinedIn(document)]);
  const removeImported = ({ name }: DirectiveNode) => (kept.has(name.value) ? undefined : null);
  return print(visit(document, { Directive: removeImported }));
}
