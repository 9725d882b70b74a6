import { systemClock } from '../lib/clock.ts';
import { isDictionary } from '../lib/shape.ts';
import type { ExportFilter, ExportKind, ExportOptions } from './options.ts';
import { ExportError, exportKinds } from './options.ts';

/** What is exported. An export can only be resumed with the same selection. */
export interface ExportSelection {
  readonly url: string;
  /** Undefined: all kinds that the viewer may read. */
  readonly kinds: readonly ExportKind[] | undefined;
  readonly filter: ExportFilter;
  readonly since: string | undefined;
  readonly gzip: boolean;
}

const invalid = (message: string) => new ExportError('INVALID_OPTIONS', message);

function endpointOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw invalid('url: must be an http or https URL such as https://gateway.example.com/graphql.');
  if (url.username !== '' || url.password !== '')
    throw invalid('url: must not contain credentials. Use a token.');
  if (url.search !== '')
    throw invalid('url: must not contain a query, which the files would contain. Use a token.');
  if (url.pathname === '/') url.pathname = '/graphql';
  url.hash = '';
  return url.href;
}

const isFilterKind = (name: string) => name === 'chats' || name === 'customers';

/** Checks the shape of a filter; the gateway checks its conditions. */
export function parseFilter(value: unknown): ExportFilter {
  if (!isDictionary(value) || !Object.keys(value).every(isFilterKind))
    throw invalid(
      'filter: must be an object such as {"chats": {"status": "CLOSED"}, "customers": {"tags": ["VIP"]}}.',
    );
  const { chats, customers } = value;
  for (const [name, conditions] of Object.entries({ chats, customers })) {
    if (conditions !== undefined && !isDictionary(conditions))
      throw invalid(`filter.${name}: must be an object of conditions.`);
  }
  return { ...(isDictionary(chats) && { chats }), ...(isDictionary(customers) && { customers }) };
}

const isKind = (name: string): name is ExportKind => exportKinds.some((kind) => kind === name);

/** `team` stands for agents and departments. */
export function parseKinds(names: readonly string[]): readonly ExportKind[] {
  const kinds = names.flatMap((name) => (name === 'team' ? ['agents', 'departments'] : [name]));
  const unknown = kinds.find((name) => !isKind(name));
  if (unknown !== undefined || kinds.length === 0)
    throw invalid(
      `kinds: ${JSON.stringify(unknown ?? '')} is not a kind. Kinds: ${exportKinds.join(', ')}, team.`,
    );
  // In a fixed order, so that the order of the option does not matter.
  return exportKinds.filter((kind) => kinds.includes(kind));
}

function withSince({ chats = {}, customers = {} }: ExportFilter, since: string): ExportFilter {
  if ('createdAt' in chats || 'lastSeen' in customers)
    throw invalid('since: cannot be combined with a filter by createdAt or lastSeen.');
  return {
    chats: { ...chats, createdAt: { from: since } },
    customers: { ...customers, lastSeen: { from: since } },
  };
}

function checkFollow(filter: ExportFilter, kinds: readonly ExportKind[] = exportKinds): void {
  if (Object.keys(filter).length > 0)
    throw invalid(
      'follow: cannot be combined with a filter, because events do not show whether an object matches.',
    );
  if (kinds.includes('messages') && !kinds.includes('chats'))
    throw invalid('follow: the kind messages needs the kind chats.');
  if (!kinds.includes('chats') && !kinds.includes('customers'))
    throw invalid(
      'follow: needs the kind chats or customers, because agents and departments have no events.',
    );
}

/** The times of HelpCrunch are whole seconds: an object created later in this second has an earlier time. */
const startOfSecond = (time: Date): Date => new Date(Math.floor(time.getTime() / 1_000) * 1_000);

/** The clocks of two machines differ. */
const maxClockSkewMs = 60_000;

function checkSince(since: Date, { clock = systemClock }: ExportOptions): void {
  if (Number.isNaN(since.getTime()))
    throw invalid('since: must be a time such as 2026-01-31T00:00:00Z.');
  // The export would be empty, and look complete.
  if (since.getTime() > clock.now() + maxClockSkewMs)
    throw invalid(`since: ${since.toISOString()} is in the future.`);
}

/** Throws an `ExportError` that names the invalid option. */
export function selectionOf(options: ExportOptions): ExportSelection {
  const { url, directory, kinds, filter = {}, since, follow = false, gzip = false } = options;
  if (directory === '') throw invalid('directory: must not be empty.');
  if (since !== undefined) checkSince(since, options);
  const checked = parseFilter(filter);
  const checkedKinds = kinds && parseKinds(kinds);
  if (follow) checkFollow(checked, checkedKinds);
  const sinceText = since && startOfSecond(since).toISOString();
  return {
    url: endpointOf(url),
    kinds: checkedKinds,
    filter: sinceText === undefined ? checked : withSince(checked, sinceText),
    since: sinceText,
    gzip,
  };
}
