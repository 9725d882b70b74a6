import { hash } from 'node:crypto';
import type { Context } from '../graphql/context.ts';

const opaqueTag = /^(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;

/** The weak tag of a response without errors. It depends on the data as JSON, on the viewer and on the schema, but not on `extensions`. */
export function entityTag(
  data: string,
  schemaVersion: string,
  { account, viewer }: Context,
): string {
  const text = `${schemaVersion}\n${JSON.stringify([account, viewer])}\n${data}`;
  return `W/"${hash('sha256', text, 'base64url').slice(0, 22)}"`;
}

/** Whether a request with this `If-None-Match` has the response already (RFC 9110, section 13.1.2): the comparison is weak. */
export function matchesEntityTag(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch === tag) return true;
  if (ifNoneMatch.trim() === '*') return true;
  const [, opaque] = opaqueTag.exec(tag) ?? [];
  const tags = ifNoneMatch.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return tags.some((given) => opaqueTag.exec(given)?.[1] === opaque);
}
