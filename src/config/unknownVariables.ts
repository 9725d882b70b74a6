import type { Finding } from './crossChecks.ts';
import type { Environment } from './setting.ts';

/** First words of our names that are common in the environments of other programs too. */
const commonWords: ReadonlySet<string> = new Set(['NODE', 'OTEL', 'LOG', 'HOST', 'PORT']);

/** In shorter names two differing letters are a coincidence: HOME is not a misspelt HOST. */
const shortestLenientName = 8;

/** How many letters are missing, added, replaced or swapped with their neighbour. */
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

const plain = (name: string): string => name.toUpperCase().replaceAll('-', '_');

/** The known name that is most like this one, and how far it is from it. */
function nearestOf(name: string, known: readonly string[]) {
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: distanceOf(plain(name), candidate) }))
    .toSorted((one, other) => one.distance - other.distance);
  return nearest;
}

/** Kubernetes describes each service of a namespace by variables that begin with the service's name. */
function isOfKubernetes(name: string, environment: Environment): boolean {
  const [, service] = /^(.+?)_(?:SERVICE_|PORT(?:_|$))/.exec(name) ?? [];
  return service !== undefined && environment[`${service}_SERVICE_HOST`] !== undefined;
}

/**
 * Warnings about variables that are set, are not ours, and look as if they were meant to be: a misspelt setting would otherwise
 * be without effect and without a word.
 */
export function unknownVariables(environment: Environment, known: readonly string[]): Finding[] {
  const names = new Set(known);
  const words = new Set(known.map((name) => name.split('_', 1)[0] ?? ''));
  for (const word of commonWords) words.delete(word);
  const hasOurWord = (name: string) =>
    name.includes('_') && words.has(plain(name).split('_', 1)[0] ?? '');
  return Object.keys(environment)
    .filter((name) => environment[name] !== '' && environment[name] !== undefined)
    .filter((name) => !names.has(name) && !isOfKubernetes(name, environment))
    .flatMap((variable) => {
      const nearest = nearestOf(variable, known);
      if (nearest === undefined) return [];
      const isLong = nearest.candidate.length >= shortestLenientName;
      // In short names other spellings of the case are other programs' own.
      const isMisspelt = isLong
        ? nearest.distance <= 2
        : nearest.distance <= 1 && variable === plain(variable);
      if (!isMisspelt && !hasOurWord(variable)) return [];
      const isSimilar = isMisspelt || nearest.distance <= variable.length / 3;
      const hint = isSimilar ? `Did you mean ${nearest.candidate}?` : 'It has no effect.';
      return [{ severity: 'warning' as const, variable, message: `is not a setting. ${hint}` }];
    });
}
