import {
  choicesOf,
  validateChoice,
  validateInteger,
  validateList,
  validateSeconds,
  validateText,
  isFields,
  validateFilledText,
  type Fields,
  type ValidationErrors,
  type FieldValidator,
} from './validate.ts';

/** How a field is read from a row; dates are whole UNIX seconds, as the wire shows them. */
export type SearchField<Row> =
  | { readonly kind: 'integer' | 'date'; readonly read: (row: Row) => number | null }
  | { readonly kind: 'integers'; readonly read: (row: Row) => readonly number[] }
  | {
      readonly kind: 'string';
      readonly read: (row: Row) => string | null;
      readonly readValue?: FieldValidator<string>;
    }
  | { readonly kind: 'tags'; readonly read: (row: Row) => readonly string[] };

export type SearchFields<Row> = ReadonlyMap<string, SearchField<Row>>;

type Match<Row> = (row: Row) => boolean;

interface FilterList<Row> {
  readonly entries: readonly Fields[];
  readonly joined: 'AND' | 'OR';
  readonly fields: SearchFields<Row>;
}

interface Entry {
  readonly path: string;
  readonly operator: Operator;
  readonly value: unknown;
}

const operators = ['=', '!=', '>', '<', '>=', '<=', '~', '!~'] as const;
type Operator = (typeof operators)[number];

const operatorChoices = choicesOf(operators);
const numberOperators: readonly Operator[] = ['=', '!=', '>', '<', '>=', '<='];
const operatorsOf: Readonly<Record<SearchField<never>['kind'], readonly Operator[]>> = {
  integer: numberOperators,
  integers: numberOperators,
  date: numberOperators,
  string: ['=', '!=', '~', '!~'],
  tags: ['='],
};

/** Reads a filter list into one decision; no entries match everything. */
export function createFilter<Row>(problems: ValidationErrors, list: FilterList<Row>): Match<Row> {
  const { entries, joined, fields } = list;
  const readField = validateChoice<SearchField<Row> | null>(fields, null);
  const matches: Match<Row>[] = [];
  // Many ids under OR are the bulk read of this API: one look into a set instead of one each.
  const wanted = new Map<SearchField<Row>, Set<number>>();

  for (const [place, entry] of entries.entries()) {
    const path = `filter[${place}]`;
    const field = readField(problems, `${path}.field`, entry['field']);
    const operator = validateChoice(operatorChoices, '=')(
      problems,
      `${path}.operator`,
      entry['operator'],
    );
    if (field === null) continue;
    if (!operatorsOf[field.kind].includes(operator)) {
      problems.add(`${path}.operator`, `This operator is not allowed for the field.`);
      continue;
    }
    const read = { path: `${path}.value`, operator, value: entry['value'] };
    if (joined === 'OR' && field.kind === 'integer' && operator === '=') {
      const values = wanted.get(field) ?? new Set();
      if (values.size === 0) {
        wanted.set(field, values);
        matches.push((row) => values.has(field.read(row) ?? Number.NaN));
      }
      values.add(validateInteger(problems, read.path, read.value));
    } else matches.push(matchOf(problems, field, read));
  }

  if (matches.length === 0) return () => true;
  return joined === 'OR'
    ? (row) => matches.some((match) => match(row))
    : (row) => matches.every((match) => match(row));
}

function matchOf<Row>(
  problems: ValidationErrors,
  field: SearchField<Row>,
  entry: Entry,
): Match<Row> {
  switch (field.kind) {
    case 'integer':
    case 'date': {
      const read = field.kind === 'date' ? validateSeconds : validateInteger;
      const test = numberTest(entry.operator, read(problems, entry.path, entry.value));
      return (row) => test(field.read(row));
    }
    case 'integers': {
      const value = validateInteger(problems, entry.path, entry.value);
      if (entry.operator === '!=') return (row) => !field.read(row).includes(value);
      const test = numberTest(entry.operator, value);
      return (row) => field.read(row).some(test);
    }
    case 'string': {
      const readValue = field.readValue ?? validateText;
      const test = textTest(entry.operator, readValue(problems, entry.path, entry.value));
      return (row) => test(field.read(row));
    }
    case 'tags': {
      const names = readTagNames(problems, entry);
      return (row) => {
        const held = field.read(row).map(folded);
        return names.every((name) => held.includes(name));
      };
    }
  }
}

const numberTests: Readonly<Partial<Record<Operator, (held: number, value: number) => boolean>>> = {
  '>': (held, value) => held > value,
  '<': (held, value) => held < value,
  '>=': (held, value) => held >= value,
  '<=': (held, value) => held <= value,
};

/** Nothing is never more or less than a number, but it does differ from one. */
function numberTest(operator: Operator, value: number): (held: number | null) => boolean {
  const compare = numberTests[operator];
  if (compare !== undefined) return (held) => held !== null && compare(held, value);
  return operator === '!=' ? (held) => held !== value : (held) => held === value;
}

function textTest(operator: Operator, value: string): (held: string | null) => boolean {
  const wanted = folded(value);
  const isEqual = (held: string | null) => held !== null && folded(held) === wanted;
  const contains = (held: string | null) => held !== null && folded(held).includes(wanted);
  if (operator === '~') return contains;
  if (operator === '!~') return (held) => !contains(held);
  return operator === '!=' ? (held) => !isEqual(held) : isEqual;
}

const folded = (text: string): string => text.toLowerCase();

function readTagNames(problems: ValidationErrors, { path, value }: Entry): readonly string[] {
  return validateList(problems, path, value).map((tag, place) => {
    const name = isFields(tag) ? tag['name'] : undefined;
    return folded(validateFilledText(problems, `${path}[${place}].name`, name));
  });
}
