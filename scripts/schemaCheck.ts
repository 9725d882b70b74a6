// Fails when schema.graphql removes something that the last release had and did not deprecate.
import { readFileSync } from 'node:fs';
import { Kind, parse, print, visit } from 'graphql';
import type { FieldDefinitionNode, NameNode, ObjectTypeDefinitionNode } from 'graphql';
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

/** Fields that are nullable since the last release, listed as breaking in CHANGELOG.md. Empty the list at the next release. */
const nullableFields: ReadonlySet<string> = new Set([
  'Query.chats',
  'Query.customers',
  'Query.agents',
  'Query.departments',
  'Query.applications',
  'Query.organization',
  'Query.nodes',
  'Query.rateLimit',
  'Mutation.markChatRead',
  'Chat.messages',
  'ChatUpdate.chat',
  'Customer.tags',
  'Customer.customData',
  'Customer.chats',
  'Agent.chats',
  'Department.agents',
  'Department.chats',
  'Chat.createdAt',
  'ChatMessage.chat',
  'ChatMessage.createdAt',
  'ChatConnection.totalCount',
  'CustomerConnection.totalCount',
]);

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

const renameType = <Named extends { readonly name: NameNode }>(node: Named): Named => ({
  ...node,
  name: { ...node.name, value: renamedTypes.get(node.name.value) ?? node.name.value },
});

const makeNullable =
  (typename: string) =>
  (field: FieldDefinitionNode): FieldDefinitionNode =>
    field.type.kind === Kind.NON_NULL_TYPE && nullableFields.has(`${typename}.${field.name.value}`)
      ? { ...field, type: field.type.type }
      : field;

function changeObjectType(node: ObjectTypeDefinitionNode): ObjectTypeDefinitionNode {
  const renamed = renameType(node);
  return { ...renamed, fields: renamed.fields?.map(makeNullable(renamed.name.value)) ?? [] };
}

/** The released schema with the breaking changes that CHANGELOG.md announces. */
const withAnnouncedChanges = (sdl: string): string =>
  print(
    visit(parse(sdl), {
      NamedType: renameType,
      ObjectTypeDefinition: changeObjectType,
      EnumTypeDefinition: renameType,
      InputObjectTypeDefinition: renameType,
    }),
  );

const changes = await breakingChanges(
  withAnnouncedChanges(read('docs/schema/released.graphql')),
  read('schema.graphql'),
);
if (changes.length > 0) {
  process.stderr.write(
    ['Breaking changes since the last release; deprecate first:', ...changes, ''].join('\n  '),
  );
  process.exitCode = 1;
}
