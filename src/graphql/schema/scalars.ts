import { GraphQLScalarType } from 'graphql';
import { GraphQLDateTime } from 'graphql-scalars';

/** Texts are kept for so many moments: a list tells the same ones again and again, and to write one takes long. */
const maxCachedTexts = 10_000;

/** As graphql-scalars has it, but gives the text that a `Date` becomes in JSON. */
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
