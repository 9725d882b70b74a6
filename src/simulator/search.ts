import type { Behaviour } from './behaviour.ts';
import { createFilter, type SearchFields } from './searchFilter.ts';
import {
  choicesOf,
  createProblems,
  isFields,
  validateChoice,
  validateInteger,
  validateList,
  type Fields,
  type ValidationErrors,
} from './validate.ts';

/** The filter and sort fields of a kind of rows. */
export interface SearchRules<Row> {
  readonly fields: SearchFields<Row>;
  readonly sorts: ReadonlyMap<string, (row: Row) => number | null>;
}

export interface RowPage<Row> {
  readonly rows: readonly Row[];
  /** All that match, on whatever page. */
  readonly total: number;
}

interface Paging {
  readonly offset: number;
  readonly limit: number;
}

const maxLimit = 100;
const orders = new Map([...choicesOf(['asc', 'desc']), ['ASC', 'asc'], ['DESC', 'desc']] as const);
const comparisons = choicesOf(['AND', 'OR']);

/** Executes a search from a body or from query parameters of the same names, or throws its errors. */
export function search<Row extends { readonly id: number }>(
  rows: Iterable<Row>,
  question: {
    readonly fields: Fields;
    readonly rules: SearchRules<Row>;
    readonly behaviour: Behaviour;
  },
): RowPage<Row> {
  const { fields, rules, behaviour } = question;
  const problems = createProblems();
  const matches = readMatcher(problems, fields, rules);
  const compare = readSort(problems, fields, { rules, behaviour });
  const paging = readPaging(problems, fields, behaviour);
  problems.check();

  const found = Array.from(rows);
  const matching = matches === null ? found : found.filter(matches);
  if (compare !== null) matching.sort(compare);
  return pageOf(matching, paging);
}

/** A list without search: only `offset` and `limit` count. */
export function slice<Row>(
  rows: readonly Row[],
  fields: Fields,
  behaviour: Behaviour,
): RowPage<Row> {
  const problems = createProblems();
  const paging = readPaging(problems, fields, behaviour);
  problems.check();
  return pageOf(rows, paging);
}

const pageOf = <Row>(rows: readonly Row[], { offset, limit }: Paging): RowPage<Row> => ({
  rows: rows.slice(offset, offset + limit),
  total: rows.length,
});

function readMatcher<Row>(problems: ValidationErrors, fields: Fields, rules: SearchRules<Row>) {
  const { filter, comparison } = fields;
  const joined =
    comparison === undefined || comparison === null
      ? 'AND'
      : validateChoice(comparisons, 'AND')(problems, 'comparison', comparison);
  if (filter === undefined || filter === null) return null;
  const entries = validateList(problems, 'filter', filter).map((entry) =>
    isFields(entry) ? entry : {},
  );
  return createFilter(problems, { entries, joined, fields: rules.fields });
}

function readSort<Row extends { readonly id: number }>(
  problems: ValidationErrors,
  fields: Fields,
  { rules, behaviour }: { readonly rules: SearchRules<Row>; readonly behaviour: Behaviour },
) {
  const { sort, order } = fields;
  const direction =
    order === undefined || order === null
      ? 'asc'
      : validateChoice(orders, 'asc')(problems, 'order', order);
  if (sort === undefined || sort === null) return direction === 'asc' ? null : newestIdFirst;
  const sorts = behaviour.bareSort === 'accept' ? withBareNames(rules.sorts) : rules.sorts;
  const isIgnored =
    behaviour.unknownSort === 'ignore' && !(typeof sort === 'string' && sorts.has(sort));
  const read = isIgnored ? null : validateChoice(sorts, null)(problems, 'sort', sort);
  if (read === null) return null;
  const sign = direction === 'asc' ? 1 : -1;
  return (one: Row, other: Row): number => {
    const a = read(one);
    const b = read(other);
    if (a === b) return one.id - other.id;
    // Nulls come last in both directions.
    if (a === null) return 1;
    if (b === null) return -1;
    return sign * (a - b);
  };
}

const withBareNames = <Read>(sorts: ReadonlyMap<string, Read>): ReadonlyMap<string, Read> =>
  new Map([
    ...sorts,
    ...Array.from(sorts, ([name, read]) => [name.replace(/^.*\./, ''), read] as const),
  ]);

const newestIdFirst = (one: { readonly id: number }, other: { readonly id: number }): number =>
  other.id - one.id;

function readPaging(problems: ValidationErrors, fields: Fields, behaviour: Behaviour): Paging {
  const given = (name: 'offset' | 'limit', fallback: number): number =>
    fields[name] === undefined || fields[name] === null
      ? fallback
      : validateInteger(problems, name, fields[name]);
  const offset = given('offset', 0);
  const limit = given('limit', maxLimit);
  if (offset < 0) problems.add('offset', 'This value should be greater than or equal to 0.');
  if (limit < 1) problems.add('limit', 'This value should be greater than or equal to 1.');
  if (limit > maxLimit && behaviour.limitOverflow === 'reject') {
    problems.add('limit', `This value should be less than or equal to ${maxLimit}.`);
  }
  return { offset, limit: Math.min(limit, maxLimit) };
}
