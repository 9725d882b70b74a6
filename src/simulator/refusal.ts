export interface ErrorEntry {
  readonly code: string;
  readonly message: string;
}

/** A "no" in the words of the wire: a status and the entries of its error body. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  readonly status: number;
  readonly entries: readonly ErrorEntry[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    entries: readonly ErrorEntry[],
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(entries.map(({ message }) => message).join('; '));
    this.status = status;
    this.entries = entries;
    this.headers = headers;
  }
}

const generic: ErrorEntry = { code: 'invalid_request', message: 'Invalid request' };

/** Bad input: each entry's code is the path of a property. */
export const badRequest = (entries: readonly ErrorEntry[]): Refusal =>
  new Refusal(400, [generic, ...entries]);

export const unauthorized = (): Refusal =>
  new Refusal(401, [generic, { code: 'unauthorized', message: 'Unauthorized' }]);

// HelpCrunch names a chat here for every type of object.
export const notFound = (): Refusal =>
  new Refusal(404, [generic, { code: 'not_found', message: 'Chat not found' }]);

/** The error of the read-flag endpoints has one entry with a misspelt code. */
export const readNotFound = (id: number): Refusal =>
  new Refusal(404, [{ code: 'not_fount', message: `Chat for ID "${id}" was not found` }]);

export const tooManyRequests = (headers: Readonly<Record<string, string>>): Refusal =>
  new Refusal(429, [generic, { code: 'too_many_requests', message: 'Too many requests' }], headers);

export const userIdTaken = (): Refusal =>
  new Refusal(400, [{ code: 'invalid_userId_value', message: 'The userId is already in use' }]);

/** A chat that cannot be rated: one entry, no property path. */
export const unratable = (message: string): Refusal =>
  new Refusal(400, [{ code: 'invalid_request', message }]);
