/** The optimal string alignment distance: letters added, removed, replaced, or swapped with their neighbor. */
function distanceOf(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped =
        row > 1 &&
        column > 1 &&
        one[row - 1] === other[column - 2] &&
        one[row - 2] === other[column - 1];
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (beforeLast[column - 2] ?? 0) + 1 : Infinity,
      );
    }
    beforeLast = last;
    last = current;
  }
  return last[other.length] ?? 0;
}

/** The known name with the smallest distance. */
export function nearestOf(name: string, known: readonly string[]) {
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: distanceOf(name, candidate) }))
    .toSorted((one, other) => one.distance - other.distance);
  return nearest;
}

/** A question about the known name that was probably meant, to append to a message; empty if none is similar. */
export function suggestionFor(name: string, known: readonly string[]): string {
  const nearest = nearestOf(name, known);
  const isSimilar = nearest !== undefined && nearest.distance <= name.length / 3;
  return isSimilar ? `. Did you mean ${nearest.candidate}?` : '';
}
