import type { Finding } from './crossChecks.ts';
import type { Environment } from './setting.ts';

/** First words of settings that the variables of other programs also begin with. */
const commonWords: ReadonlySet<string> = new Set(['NODE', 'OTEL', 'LOG', 'HOST', 'PORT']);

/** In shorter names two differing letters are a coincidence: HOME is not a misspelled HOST. */
const shortestLenientName = 8;

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

const normalized = (name: string): string => name.toUpperCase().replaceAll('-', '_');

/** The known name with the smallest distance. */
function nearestOf(name: string, known: readonly string[]) {
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: distanceOf(normalized(name), candidate) }))
    .toSorted((one, other) => one.distance - other.distance);
  return nearest;
}

/** Kubernetes sets variables for each service of a namespace, prefixed with the name of the service. */
function isOfKubernetes(name: string, environment: Environment): boolean {
  const [, service] = /^(.+?)_(?:SERVICE_|PORT(?:_|$))/.exec(name) ?? [];
  return service !== undefined && environment[`${service}_SERVICE_HOST`] !== undefined;
}

/** Warnings about variables that are not settings but resemble one: a misspelled setting would otherwise be ignored silently. */
export function unknownVariables(
  environment: Environment,
  settings: readonly { readonly name: string; readonly formerName?: string }[],
): Finding[] {
  const known = settings.map(({ name }) => name);
  const names = new Set(settings.flatMap(({ name, formerName }) => [name, formerName]));
  const words = new Set(known.map((name) => name.split('_', 1)[0] ?? ''));
  for (const word of commonWords) words.delete(word);
  const hasKnownPrefix = (name: string) =>
    name.includes('_') && words.has(normalized(name).split('_', 1)[0] ?? '');
  return Object.keys(environment)
    .filter((name) => environment[name] !== '' && environment[name] !== undefined)
    .filter((name) => !names.has(name) && !isOfKubernetes(name, environment))
    .flatMap((variable) => {
      const nearest = nearestOf(variable, known);
      if (nearest === undefined) return [];
      const isLong = nearest.candidate.length >= shortestLenientName;
      // Short names in lower case, such as `host`, belong to other programs.
      const isMisspelled = isLong
        ? nearest.distance <= 2
        : nearest.distance <= 1 && variable === normalized(variable);
      if (!isMisspelled && !hasKnownPrefix(variable)) return [];
      const isSimilar = isMisspelled || nearest.distance <= variable.length / 3;
      const hint = isSimilar ? `Did you mean ${nearest.candidate}?` : 'It has no effect.';
      return [{ severity: 'warning' as const, variable, message: `is not a setting. ${hint}` }];
    });
}
