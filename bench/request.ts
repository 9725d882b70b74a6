import { readFileSync } from 'node:fs';

/** One operation of a client with its variables. */
export interface Request {
  /** The row of the table that it counts for. */
  readonly name: string;
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly isWrite: boolean;
  /** The list's page before this one, whose last cursor goes into `$after`. Every contender has cursors of its own. */
  readonly follows?: Request;
}

/** The text of `operations/<name>.graphql`. */
export const documentOf = (name: string): string =>
  readFileSync(new URL(`operations/${name}.graphql`, import.meta.url), 'utf8');

/** Equal for requests that ask the same. */
export const requestKey = ({ name, variables }: Request): string =>
  JSON.stringify([name, variables]);
