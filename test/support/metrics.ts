/** The value of a metric, with its labels as `/metrics` has them; NaN if there is none. */
export async function metricOf({ url }: { readonly url: string }, name: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const line = metrics.split('\n').find((text) => text.startsWith(`${name} `));
  return Number(line?.split(' ')[1]);
}
