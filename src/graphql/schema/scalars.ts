import { GraphQLScalarType } from 'graphql';
import { GraphQLDateTime } from 'graphql-scalars';

/** How many formatted times are cached: formatting is slow, and lists repeat the same times. */
const maxCachedTexts = 10_000;

/** The scalar of graphql-scalars, but serialized to the ISO text that `JSON.stringify` gives for a `Date`. */
export function createDateTime(): GraphQLScalarType<Date, unknown> {
  const texts = new Map<unknown, string>();

  function serialize(value: unknown): string {
    const cached = texts.get(value);
    if (cached !== undefined) return cached;
    const text = new Date(GraphQLDateTime.serialize(value)).toISOString();
    if (texts.size >= maxCachedTexts) texts.clear();
    texts.set(value, text);
    return text;
  }

  return new GraphQLScalarType({ ...GraphQLDateTime.toConfig(), serialize });
}
