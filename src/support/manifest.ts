import { z } from 'zod';

/** The texts of operations by the ids under which clients ask for them. */
export type Manifest = ReadonlyMap<string, string>;

const text = z.string().regex(/\S/);
const id = text.max(256);

type Entry = readonly [id: string, text: string];

/** As `@apollo/generate-persisted-query-manifest` writes it. */
const apollo = z
  .object({
    format: z.literal('apollo-persisted-query-manifest'),
    version: z.literal(1),
    operations: z.array(z.object({ id, body: text })),
  })
  .transform(({ operations }) => operations.map(({ id: name, body }): Entry => [name, body]));

/** As the compilers of Relay and of the client preset write it. */
const relay = z.record(id, text).transform((texts): Entry[] => Object.entries(texts));

const advice =
  'must hold {"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":…,"body":…}]} or {"<id>":"<text>"}';

/** Reads a manifest in Apollo's or in Relay's format. Fails with what is wrong, to be said after the file's name. */
export function readManifest(json: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new Error('is not JSON');
  }
  const { data: entries } = z.union([apollo, relay]).safeParse(value);
  if (entries === undefined) throw new Error(advice);
  const manifest = new Map(entries);
  if (manifest.size < entries.length) throw new Error('names an id twice');
  return manifest;
}
