export interface UpstreamAddress {
  readonly url: string;
  readonly key: string;
}

export type WireRow = Readonly<Record<string, unknown>> & { readonly id: number };

/** Calls the simulator past the gateways. Undefined for a 404. */
export async function readUpstream({ url, key }: UpstreamAddress, path: string): Promise<unknown> {
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
  const body: unknown = await response.json();
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`The simulator responded to ${path} with ${response.status}.`);
  return body;
}

/** All rows of a list, newest first where the list has an order. */
export async function readRows(
  upstream: UpstreamAddress,
  path: string,
  order = '',
): Promise<readonly WireRow[]> {
  const rows: WireRow[] = [];
  for (;;) {
    const page = (await readUpstream(
      upstream,
      `${path}?limit=100&offset=${rows.length}${order}`,
    )) as { readonly data: readonly WireRow[] };
    rows.push(...page.data);
    if (page.data.length < 100) return rows;
  }
}

/** The objects that random writes use, each for one purpose. */
export interface Account {
  readonly chats: readonly WireRow[];
  readonly customers: readonly WireRow[];
  /** Customers of none of the chats. */
  readonly deletableIds: readonly string[];
  readonly agentIds: readonly string[];
  readonly departmentIds: readonly string[];
  readonly applicationId: string;
}

const deletableShare = 0.2;

const idsOf = (rows: readonly WireRow[]): readonly string[] => rows.map(({ id }) => String(id));

export async function readAccount(upstream: UpstreamAddress): Promise<Account> {
  const [chats, customers, agents, departments, applications] = await Promise.all([
    readRows(upstream, '/chats'),
    readRows(upstream, '/customers'),
    readRows(upstream, '/agents'),
    readRows(upstream, '/departments'),
    readRows(upstream, '/applications'),
  ]);
  const kept = Math.floor(customers.length * (1 - deletableShare));
  const deletableIds = idsOf(customers.slice(kept));
  const isKept = ({ customer }: WireRow) =>
    !deletableIds.includes(String((customer as { readonly id: number } | null)?.id));
  return {
    chats: chats.filter(isKept),
    customers: customers.slice(0, kept),
    deletableIds,
    agentIds: idsOf(agents),
    departmentIds: idsOf(departments),
    applicationId: idsOf(applications)[0] ?? '',
  };
}
