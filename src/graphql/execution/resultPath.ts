import type { GraphQLError } from 'graphql';
import { locatedError } from 'graphql';
import type { FieldPlan } from './plan.ts';

export type VariableValues = Record<string, unknown>;

/** The position of a value in the response. Resolvers receive it as `info.path`. */
export interface ResultPath {
  readonly prev: ResultPath | undefined;
  readonly key: string | number;
  readonly typename: string | undefined;
  readonly field: FieldPlan;
  /** The object or list that contains the value. */
  readonly container: object;
  readonly isNonNull: boolean;
  /** Whether an error made the value null. Later errors inside it are ignored. */
  isNulled: boolean;
}

export const isObjectLike = (value: unknown): value is VariableValues =>
  typeof value === 'object' && value !== null;

export const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  isObjectLike(value) && typeof value['then'] === 'function';

export const isIterable = (value: unknown): value is Iterable<unknown> =>
  isObjectLike(value) && Symbol.iterator in value;

/** Undefined if the getter throws. Resolving the field then reports the error. */
export function readProperty(source: unknown, name: string): unknown {
  if (!isObjectLike(source)) return undefined;
  try {
    return source[name];
  } catch {
    return undefined;
  }
}

export const fieldCoordinate = ({ parentType, name }: FieldPlan): string =>
  `${parentType.name}.${name}`;

export function locateError(error: unknown, path: ResultPath): GraphQLError {
  const keys: (string | number)[] = [];
  for (let step: ResultPath | undefined = path; step !== undefined; step = step.prev)
    keys.push(step.key);
  return locatedError(error, path.field.nodes, keys.reverse());
}

export function ignoreRejections(promises: readonly unknown[]): void {
  for (const promise of promises) if (isPromise(promise)) promise.then(null, () => undefined);
}
