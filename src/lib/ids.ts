import { badUserInputError } from './clientError.ts';

const positiveInteger = /^[1-9][0-9]{0,15}$/;

/** Whether the helpdesk could have given this id: a whole number from 1 up to 2^53 - 1. */
export const isUpstreamId = (id: string): boolean =>
  positiveInteger.test(id) && Number.isSafeInteger(Number(id));

/** The id, if the helpdesk could have given it; otherwise a `badInput` that names the argument. */
export function parseUpstreamId(argument: string, id: unknown): string {
  const text = typeof id === 'number' ? String(id) : id;
  if (typeof text === 'string' && isUpstreamId(text)) return text;
  throw badUserInputError(
    argument,
    `Give a whole number from 1 to ${Number.MAX_SAFE_INTEGER}, without leading zeros.`,
  );
}

/** Ids that are unique over all types: the type and the helpdesk's id, in base64url. */
export const toNodeId = (type: string, id: string): string =>
  Buffer.from(`${type}:${id}`).toString('base64url');

/** What `toNodeId` was given; undefined for anything it could not have made. */
export function parseNodeId(nodeId: string): { type: string; id: string } | undefined {
  const [type = '', id = ''] = Buffer.from(nodeId, 'base64url').toString().split(':');
  return isUpstreamId(id) && toNodeId(type, id) === nodeId ? { type, id } : undefined;
}

/** As `parseNodeId`, but throws a `badInput` that names the argument. */
export function fromNodeId(argument: string, nodeId: string): { type: string; id: string } {
  const parsed = parseNodeId(nodeId);
  if (parsed === undefined) throw badUserInputError(argument, 'Give a value of some nodeId.');
  return parsed;
}
