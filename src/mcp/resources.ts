import { parse, print, visit } from 'graphql';
import { errorCodes } from '../graphql/errorCodes.ts';
import { servedSdl } from '../graphql/schema/build.ts';
import { once } from '../lib/lazy.ts';

interface TextResource {
  readonly uri: string;
  readonly name: string;
  readonly description: string;
  readonly mimeType: string;
  readonly text: () => string;
}

export const chatTemplate = {
  uriTemplate: 'helpcrunch://chats/{id}',
  name: 'chat',
  description: 'A chat with its latest messages, by HelpCrunch id.',
  mimeType: 'text/plain',
} as const;

/** The id in the URI of a chat; undefined for other URIs. */
export const chatIdOf = (uri: string): string | undefined =>
  /^helpcrunch:\/\/chats\/([0-9]{1,20})$/.exec(uri)?.[1];

/** Without its descriptions the schema fits the token limit of a result. */
const withoutDescriptions = (sdl: string): string =>
  print(
    visit(parse(sdl), {
      enter: (node) => ('description' in node ? { ...node, description: undefined } : undefined),
    }),
  );

const errorTable = (): string =>
  Object.entries(errorCodes)
    .map(
      ([code, { retryable, cause, action }]) =>
        `${code}${retryable ? ' (retryable)' : ''}: ${cause} ${action}`,
    )
    .join('\n');

/** The resources that are the same for every client. `isSchemaPublic`: whether clients may read the schema, as by introspection. */
export function createResources(isSchemaPublic: boolean): readonly TextResource[] {
  return [
    ...(isSchemaPublic
      ? [
          {
            uri: 'helpcrunch://schema',
            name: 'schema',
            description: 'The GraphQL schema without descriptions, for writing operations.',
            mimeType: 'text/plain',
            text: once(() => withoutDescriptions(servedSdl())),
          },
        ]
      : []),
    {
      uri: 'helpcrunch://errors',
      name: 'errors',
      description: 'The error codes and what to do about them.',
      mimeType: 'text/plain',
      text: once(errorTable),
    },
  ];
}
