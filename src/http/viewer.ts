import type { Viewer } from '../graphql/context.ts';

/** Who asks, and with which key the helpdesk is asked. The same for every endpoint. */
export interface Access {
  readonly viewer: Viewer;
  /** The account whose key is used, and the name under which what is known of it is kept. */
  readonly key: string;
  readonly tenant: string;
  /** Among whom the account's calls are shared out; undefined where only the address tells clients apart. */
  readonly name?: string;
  /** When the credentials end, in milliseconds since the epoch. */
  readonly expiresAtMs?: number;
}

/** Reads an `Authorization` header. */
export type Authenticate = (authorization: string | undefined) => Promise<Access>;

/** Without authentication everybody may see everything. */
export const authenticateNobody =
  (account: Pick<Access, 'key' | 'tenant'>): Authenticate =>
  () =>
    Promise.resolve({ viewer: { role: 'ALL' }, ...account });
