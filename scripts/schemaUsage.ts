import { readFile } from 'node:fs/promises';

/** One client application that uses an element of the schema. */
export interface ElementUsage {
  /** `Type.field`, `Type.field.argument`, `Enum.VALUE` or `Input.field`. */
  readonly element: string;
  readonly client: string;
  readonly version: string;
  readonly count: number;
}

const series = /^helpcrunch_field_usage_total\{([^}]*)\} (\d+(?:\.\d+)?(?:e\+?\d+)?)/gm;

/** Usage from metrics in Prometheus' text format, of one or several instances one after the other. */
export function parseUsage(metrics: string): readonly ElementUsage[] {
  const found = [...metrics.matchAll(series)].map(([, labels = '', count]) => {
    const byName = Object.fromEntries(
      [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
    );
    const { field = '', client = '', version = '' } = byName;
    return { element: field, client, version, count: Number(count) };
  });
  const sums = new Map<string, ElementUsage>();
  for (const usage of found) {
    const key = JSON.stringify([usage.element, usage.client, usage.version]);
    sums.set(key, { ...usage, count: usage.count + (sums.get(key)?.count ?? 0) });
  }
  return [...sums.values()];
}

/** Reads metrics from a URL or a file. Fails if they have no usage: an empty result would be mistaken for unused elements. */
export async function readUsage(source: string): Promise<readonly ElementUsage[]> {
  const isUrl = /^https?:\/\//.test(source);
  const usage = parseUsage(
    isUrl ? await (await fetch(source)).text() : await readFile(source, 'utf8'),
  );
  if (usage.length === 0) {
    throw new Error(`${source} has no series of helpcrunch_field_usage_total.`);
  }
  return usage;
}

/** Who uses an element or anything in it, the most frequent user first, such as `web 1.2 (34 operations)`. */
export function usersOf(path: string, usage: readonly ElementUsage[]): readonly string[] {
  return usage
    .filter(({ element }) => element === path || element.startsWith(`${path}.`))
    .toSorted((a, b) => b.count - a.count)
    .map(
      ({ element, client, version, count }) =>
        `${client} ${version} (${count} operations${element === path ? '' : ` with ${element}`})`,
    );
}
