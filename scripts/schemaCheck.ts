// Fails when schema.graphql removes something that the last release had and did not deprecate; with --usage FILE_OR_URL, the metrics of the
// gateway, also when it removes something deprecated that is still in use.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Kind, parse, print, visit } from 'graphql';
import type { FieldDefinitionNode, NameNode, ObjectTypeDefinitionNode } from 'graphql';
import { breakingChanges, removals } from './schemaChanges.ts';
import { readUsage, usersOf } from './schemaUsage.ts';

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

const root = new URL('../', import.meta.url);

const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

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

const { values } = parseArgs({
  options: {
    usage: { type: 'string' },
    released: { type: 'string', default: 'docs/schema/released.graphql' },
    next: { type: 'string', default: 'schema.graphql' },
  },
});

const released = withAnnouncedChanges(read(values.released));
const next = read(values.next);

const changes = await breakingChanges(released, next);
if (changes.length > 0) {
  process.stderr.write(
    ['Breaking changes since the last release; deprecate first:', ...changes, ''].join('\n  '),
  );
  process.exitCode = 1;
}

/** Everything that is removed, what was deprecated included, with the clients that use it. */
async function reportUsage(source: string): Promise<void> {
  const usage = await readUsage(source);
  const removed = await removals(released, next);
  const used = removed.flatMap(({ message, path }) => {
    const users = usersOf(path, usage);
    return users.length === 0 ? [] : [`${message}. Used by: ${users.join(', ')}`];
  });
  const summary = `${removed.length} elements removed or changed since the last release, ${used.length} of them in use`;
  process.stdout.write([summary, ...used, ''].join('\n  '));
  if (used.length > 0) process.exitCode = 1;
}

if (values.usage !== undefined) await reportUsage(values.usage);
