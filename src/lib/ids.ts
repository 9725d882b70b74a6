import { badUserInputError } from './clientError.ts';

const positiveInteger = /^[1-9][0-9]{0,15}$/;

/** Whether this is a possible HelpCrunch id: an integer from 1 to 2^53 - 1. */
export const isUpstreamId = (id: string): boolean =>
  positiveInteger.test(id) && Number.isSafeInteger(Number(id));

/** A possible HelpCrunch id as a string; undefined for anything else. */
export function toUpstreamId(id: unknown): string | undefined {
  const text = typeof id === 'number' ? String(id) : id;
  return typeof text === 'string' && isUpstreamId(text) ? text : undefined;
}

/** As `toUpstreamId`, but throws `badInput`. */
export function parseUpstreamId(argument: string, id: unknown): string {
  const text = toUpstreamId(id);
  if (text !== undefined) return text;
  throw badUserInputError(
    argument,
    `must be a whole number from 1 to ${Number.MAX_SAFE_INTEGER}, without leading zeros.`,
  );
}

/** A global id: type and HelpCrunch id in base64url. */
export const toNodeId = (type: string, id: string): string =>
  Buffer.from(`${type}:${id}`).toString('base64url');

/** The inverse of `toNodeId`; undefined for any other string. */
export function parseNodeId(nodeId: string): { type: string; id: string } | undefined {
  const [type = '', id = ''] = Buffer.from(nodeId, 'base64url').toString().split(':');
  return isUpstreamId(id) && toNodeId(type, id) === nodeId ? { type, id } : undefined;
}

/** As `parseNodeId`, but throws `badInput`. */
export function fromNodeId(argument: string, nodeId: string): { type: string; id: string } {
  const parsed = parseNodeId(nodeId);
  if (parsed === undefined) throw badUserInputError(argument, 'must be the nodeId of an object.');
  return parsed;
}

/** Compares ids, which are whole numbers of any size. */
export const isLaterId = (id: string, other: string): boolean =>
  id.length === other.length ? id > other : id.length > other.length;
