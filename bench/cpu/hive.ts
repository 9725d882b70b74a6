type Leaf = (value: string) => unknown;

const seconds: Leaf = (date) => String(Date.parse(date) / 1_000);

/** Values that the gateway spells differently from HelpCrunch, by field name. */
const leaves: Readonly<Record<string, Leaf>> = {
  id: Number,
  createdAt: seconds,
  firstSeen: seconds,
  lastSeen: seconds,
  status: (status) => status.toLowerCase(),
  role: (role) =>
    role === 'SUPERVISOR'
      ? 'superviser'
      : role.toLowerCase().replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
};

/** A response of the gateway in the spelling of HelpCrunch, which Hive Gateway passes through. */
export function asUpstreamWrites(value: unknown, field = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => asUpstreamWrites(item));
  if (typeof value === 'string') return leaves[field]?.(value) ?? value;
  // What is in there are values of the customer's own.
  if (typeof value !== 'object' || value === null || field === 'customData') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, asUpstreamWrites(inner, name)]),
  );
}
