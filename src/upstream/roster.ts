import type { GraphQLResolveInfo } from 'graphql';
import type { MadeFrom, Part } from '../support/selection.ts';
import { answers } from '../support/selection.ts';
import { orNull, UpstreamError } from './errors.ts';

interface Member {
  readonly __typename: string;
  readonly id: string;
}

export interface Roster<Whole extends Member> {
  all(): Promise<readonly Whole[]>;
  /** Fails with `notFound` for an id that is not in the list. */
  load(id: string): Promise<Whole>;
  /** The member of whom something carries a part; null when it is gone. */
  from(
    part: Part<Whole> & Pick<Whole, 'id'>,
    info: GraphQLResolveInfo,
  ): Whole | Promise<Whole | null>;
}

/**
 * A short list that the helpdesk only gives whole: read at most once an operation and picked from by id.
 */
export function createRoster<Whole extends Member>(
  read: () => Promise<readonly Whole[]>,
  madeFrom: MadeFrom,
): Roster<Whole> {
  let reading: Promise<ReadonlyMap<string, Whole>> | undefined;
  const byId = () =>
    (reading ??= read().then((members) => new Map(members.map((member) => [member.id, member]))));
  const load = async (id: string) => {
    const found = (await byId()).get(id);
    if (found === undefined) throw new UpstreamError('notFound', `Nothing has the id ${id}.`);
    return found;
  };
  return {
    all: async () => [...(await byId()).values()],
    load,
    from: (part, info) => (answers(part, info, madeFrom) ? part : orNull(load(part.id))),
  };
}
