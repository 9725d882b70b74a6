export type Cell = string | number;

const textOf = (cell: Cell): string =>
  typeof cell === 'number' ? cell.toLocaleString('en') : cell;

/** Rows under a head, in columns that line up: the first to the left, the others to the right. */
export function formatTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = [head, ...rows].map((row) => row.map(textOf));
  const widths = head.map((_, column) =>
    texts.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  const [first, ...others] = texts.map((row) =>
    widths
      .map((width, column) => {
        const text = row[column] ?? '';
        return column === 0 ? text.padEnd(width) : text.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [first, rule, ...others, ''].join('\n');
}
