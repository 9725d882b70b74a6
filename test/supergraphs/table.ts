import type { Case } from './cases.ts';
import { cases } from './cases.ts';
import { routerNames } from './routerNames.ts';

/** The reasons of all deviations, numbered in the order of the table. */
const reasons = [
  ...new Set(
    cases.flatMap(({ deviations = {} }) =>
      routerNames.flatMap((name) => deviations[name]?.reason ?? []),
    ),
  ),
];

/** The error codes or the number of calls that are expected. */
function expectedText({ codes = [], calls }: Case['expected']): string {
  if (codes.length > 0) return codes.map((code) => `\`${code}\``).join(', ');
  if (calls === undefined) return 'yes';
  return calls === 1 ? '1 call' : `${calls} calls`;
}

const cellsOf = ({ name, expected, deviations = {} }: Case): readonly string[] => [
  name,
  ...routerNames.map((router) => {
    const deviation = deviations[router];
    return deviation === undefined
      ? expectedText(expected)
      : `${deviation.shown} (${reasons.indexOf(deviation.reason) + 1})`;
  }),
];

export const routerTable = {
  head: ['case', ...routerNames],
  rows: cases.map(cellsOf),
  notes: reasons.map((reason, index) => `${index + 1}. ${reason}`),
};
