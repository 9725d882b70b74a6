import type { Finding } from './crossChecks.ts';
import type { Environment } from './setting.ts';
import { nearestOf } from './suggestions.ts';

/** First words of settings that the variables of other programs also begin with. */
const commonWords: ReadonlySet<string> = new Set([
  'NODE',
  'OTEL',
  'LOG',
  'HOST',
  'PORT',
  'HTTPS',
  'NO',
]);

/** They resemble settings but belong to other programs, the last two if the setting is set as well. */
const proxyVariables = {
  ignored: new Set(['HTTP_PROXY', 'http_proxy']),
  lowerCase: new Set(['https_proxy', 'no_proxy']),
};

const isOfOtherPrograms = (name: string, environment: Environment): boolean =>
  proxyVariables.ignored.has(name) ||
  (proxyVariables.lowerCase.has(name) && environment[name.toUpperCase()] !== undefined);

/** In shorter names two differing letters are a coincidence: HOME is not a misspelled HOST. */
const shortestLenientName = 8;

const normalized = (name: string): string => name.toUpperCase().replaceAll('-', '_');

/** Names that other programs and guides give to a setting. */
const misnomers: Readonly<Record<string, string>> = {
  API_TOKEN: 'HELPCRUNCH_API_KEY',
  HC_API_KEY: 'HELPCRUNCH_API_KEY',
  HELPCRUNCH_TOKEN: 'HELPCRUNCH_API_KEY',
  HELPCRUNCH_API_TOKEN: 'HELPCRUNCH_API_KEY',
  HELPCRUNCH_API_SECRET: 'HELPCRUNCH_API_KEY',
};

/** The setting of which the variable is the name without its first word: `API_KEY`. */
function completionOf(variable: string, known: readonly string[]): string | undefined {
  const name = normalized(variable);
  if (!name.includes('_')) return undefined;
  return known.find((candidate) => candidate.slice(candidate.indexOf('_') + 1) === name);
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
    .filter((name) => !isOfOtherPrograms(name, environment))
    .flatMap((variable) => {
      const warn = (hint: string) => [
        { severity: 'warning' as const, variable, message: `is not a setting. ${hint}` },
      ];
      const meant = misnomers[normalized(variable)] ?? completionOf(variable, known);
      if (meant !== undefined) return warn(`Did you mean ${meant}?`);
      const nearest = nearestOf(normalized(variable), known);
      if (nearest === undefined) return [];
      const isLong = nearest.candidate.length >= shortestLenientName;
      // Short names in lower case, such as `host`, belong to other programs.
      const isMisspelled = isLong
        ? nearest.distance <= 2
        : nearest.distance <= 1 && variable === normalized(variable);
      if (!isMisspelled && !hasKnownPrefix(variable)) return [];
      const isSimilar = isMisspelled || nearest.distance <= variable.length / 3;
      return warn(isSimilar ? `Did you mean ${nearest.candidate}?` : 'It has no effect.');
    });
}
