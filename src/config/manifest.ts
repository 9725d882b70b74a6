import { z } from 'zod';

/** The texts of operations by the ids under which clients ask for them. */
export type OperationManifest = ReadonlyMap<string, string>;

const nonEmptyText = z.string().regex(/\S/);
const operationId = nonEmptyText.max(256);

type ManifestEntry = readonly [id: string, text: string];

/** As `@apollo/generate-persisted-query-manifest` writes it. */
const apolloManifest = z
  .object({
    format: z.literal('apollo-persisted-query-manifest'),
    version: z.literal(1),
    operations: z.array(z.object({ id: operationId, body: nonEmptyText })),
  })
  .transform(({ operations }) =>
    operations.map(({ id: name, body }): ManifestEntry => [name, body]),
  );

/** As the compilers of Relay and of the client preset write it. */
const relayManifest = z
  .record(operationId, nonEmptyText)
  .transform((texts): ManifestEntry[] => Object.entries(texts));

const formatMessage =
  'must hold {"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":…,"body":…}]} or {"<id>":"<text>"}';

/** Reads a manifest in Apollo's or in Relay's format. Fails with what is wrong, to be said after the file's name. */
export function readManifest(json: string): OperationManifest {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new Error('is not JSON');
  }
  const { data: entries } = z.union([apolloManifest, relayManifest]).safeParse(value);
  if (entries === undefined) throw new Error(formatMessage);
  const manifest = new Map(entries);
  if (manifest.size < entries.length) throw new Error('names an id twice');
  return manifest;
}
