/** The application that a client says it is: for statistics only, because a client can claim any name. */
export interface ClientApplication {
  readonly name: string;
  readonly version: string;
}

const isLabel = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w .@/+-]{1,64}$/.test(value);

/** From the headers of Apollo's clients, or from parameters with the same names. Undefined without a usable name. */
export function clientApplicationOf(
  given: Readonly<Record<string, unknown>>,
): ClientApplication | undefined {
  const { 'apollographql-client-name': name, 'apollographql-client-version': version } = given;
  return isLabel(name) ? { name, version: isLabel(version) ? version : 'unknown' } : undefined;
}
