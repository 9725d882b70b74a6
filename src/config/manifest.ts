import { z } from 'zod';

/** The texts of persisted operations by their ids. */
export type OperationManifest = ReadonlyMap<string, string>;

const nonEmptyText = z.string().regex(/\S/);
const operationId = nonEmptyText.max(256);

type ManifestEntry = readonly [id: string, text: string];

/** The format of `@apollo/generate-persisted-query-manifest`. */
const apolloManifest = z
  .object({
    format: z.literal('apollo-persisted-query-manifest'),
    version: z.literal(1),
    operations: z.array(z.object({ id: operationId, body: nonEmptyText })),
  })
  .transform(({ operations }) =>
    operations.map(({ id: name, body }): ManifestEntry => [name, body]),
  );

/** The format of the Relay compiler and of the client preset. */
const relayManifest = z
  .record(operationId, nonEmptyText)
  .transform((texts): ManifestEntry[] => Object.entries(texts));

const formatMessage =
  'must contain {"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":…,"body":…}]} or {"<id>":"<text>"}';

/** Reads a manifest in the format of Apollo or Relay. The message of an error continues a sentence that begins with the file name. */
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
  if (manifest.size < entries.length) throw new Error('contains an id twice');
  return manifest;
}
