// Fails when schema.graphql removes something that the last release had and did not deprecate.
import { readFileSync } from 'node:fs';
import { parse, print, visit } from 'graphql';
import type { NameNode } from 'graphql';
import { breakingChanges } from './schemaChanges.ts';

/** Types renamed since the last release, listed as breaking in CHANGELOG.md. Empty the table at the next release. */
const renamedTypes: ReadonlyMap<string, string> = new Map(
  Object.entries({
    Application: 'ChatApplication',
    DateTimeRange: 'HelpdeskDateTimeRange',
    Device: 'CustomerDevice',
    Location: 'CustomerLocation',
    Message: 'ChatMessage',
    MessageConnection: 'ChatMessageConnection',
    MessageEdge: 'ChatMessageEdge',
    MessageSender: 'ChatMessageSender',
    MessageType: 'ChatMessageType',
    OrderDirection: 'HelpdeskOrderDirection',
    Organization: 'HelpdeskOrganization',
    RateLimit: 'HelpdeskRateLimit',
    StringFilter: 'CustomerTextFilter',
    Tag: 'CustomerTag',
    Viewer: 'HelpdeskViewer',
    ViewerRole: 'HelpdeskViewerRole',
  }),
);

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

const renameType = <Named extends { readonly name: NameNode }>(node: Named): Named => ({
  ...node,
  name: { ...node.name, value: renamedTypes.get(node.name.value) ?? node.name.value },
});

const withRenamedTypes = (sdl: string): string =>
  print(
    visit(parse(sdl), {
      NamedType: renameType,
      ObjectTypeDefinition: renameType,
      EnumTypeDefinition: renameType,
      InputObjectTypeDefinition: renameType,
    }),
  );

const changes = await breakingChanges(
  withRenamedTypes(read('docs/schema/released.graphql')),
  read('schema.graphql'),
);
if (changes.length > 0) {
  process.stderr.write(
    ['Breaking changes since the last release; deprecate first:', ...changes, ''].join('\n  '),
  );
  process.exitCode = 1;
}
