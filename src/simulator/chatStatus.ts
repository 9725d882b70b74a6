import type { Behaviour } from './behaviour.ts';
import { chatStatuses, type ChatStatus } from './entities.ts';
import { choicesOf, validateChoice, validateText, type FieldValidator } from './validate.ts';

/** How the statuses may be spelt in writes. Old documentation uses other spellings; `empty` cannot be set. */
export const writableStatuses: ReadonlyMap<string, ChatStatus> = new Map<string, ChatStatus>([
  ...choicesOf(chatStatuses.filter((status) => status !== 'empty')),
  ['onhold', 'on hold'],
  ['on-hold', 'on hold'],
  ['open', 'opened'],
]);

// The numbers are those of old documentation.
const foldedStatuses: ReadonlyMap<string, ChatStatus> = new Map<string, ChatStatus>([
  ...writableStatuses,
  ['empty', 'empty'],
  ['1', 'new'],
  ['2', 'opened'],
  ['3', 'pending'],
  ['4', 'on hold'],
  ['5', 'no communication'],
  ['6', 'closed'],
]);

export const statusOnWire = (status: ChatStatus, { onHold }: Behaviour): string =>
  status === 'on hold' ? onHold : status;

/** The status that a search looks for, as it is spelt in responses. */
export function validateSearchedStatus(behaviour: Behaviour): FieldValidator<string> {
  const known = new Map(
    chatStatuses.map((status) => {
      const spelling = statusOnWire(status, behaviour);
      return [spelling, spelling] as const;
    }),
  );
  switch (behaviour.statusSearch) {
    case 'exact':
      return validateText;
    case 'reject':
      return (problems, path, value) =>
        validateChoice(known, 'new')(problems, path, lowered(value));
    case 'fold':
      return (problems, path, value) => {
        const text = validateText(problems, path, value);
        const status = foldedStatuses.get(text.toLowerCase());
        return status === undefined ? text : statusOnWire(status, behaviour);
      };
  }
}

const lowered = (value: unknown): unknown =>
  typeof value === 'string' ? value.toLowerCase() : value;
