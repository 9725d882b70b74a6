import type { Simulator } from '../../src/simulator/simulator.ts';

export type WireRow = Readonly<Record<string, any>>;

/** Calls the simulator directly, without the gateway. */
export async function rest(
  { url, key }: Pick<Simulator, 'url' | 'key'>,
  path: string,
  { method = 'GET', body }: { readonly method?: string; readonly body?: unknown } = {},
): Promise<any> {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return response.json();
}

/** All rows of a list, in the order of the simulator. */
export async function restRows(
  simulator: Pick<Simulator, 'url' | 'key'>,
  path: string,
  order: Readonly<Record<string, string>> = {},
): Promise<readonly WireRow[]> {
  const rows: WireRow[] = [];
  for (;;) {
    const query = new URLSearchParams({ ...order, offset: String(rows.length), limit: '100' });
    const { data } = await rest(simulator, `${path}?${query.toString()}`);
    rows.push(...data);
    if (data.length < 100) return rows;
  }
}

/** Converts a time of the wire format to the gateway's format. */
export const shown = (seconds: string | null): string | null =>
  seconds === null ? null : new Date(Number(seconds) * 1000).toISOString();
