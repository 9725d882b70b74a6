import type { UpstreamErrorDetails } from '../errors.ts';
import { UpstreamError } from '../errors.ts';
import type { Find, Kind, Named } from './kinds.ts';
import type { Entry } from './memory.ts';

/** Kept under a name that stands for nothing. */
export interface Absent {
  readonly absent: UpstreamErrorDetails;
}

export const isAbsent = (value: unknown): value is Absent =>
  typeof value === 'object' && value !== null && 'absent' in value;

export type EntryOf = (kind: Named, name: string) => Entry | undefined;

/** What the entries say of a name; undefined when they do not say enough. */
export function read<Value>(
  kind: Kind<Value>,
  name: string,
  entryOf: EntryOf,
): Value | UpstreamError | undefined {
  const entry = entryOf(kind, name);
  if (entry === undefined) return undefined;
  if (isAbsent(entry.value)) {
    return new UpstreamError('notFound', 'The helpdesk does not have this.', entry.value.absent);
  }
  const find: Find = (memberKind, id) => {
    const member = entryOf(memberKind, id);
    return member === undefined ? undefined : memberKind.unpack(member.value, find);
  };
  return kind.unpack(entry.value, find);
}
