import { Disposer } from './disposer.ts';

/** How tokens for one account are verified, as far as it differs from the others. */
interface AccountTokenSettings {
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  /** Undefined: by the keys of all accounts. */
  readonly signedBy:
    { readonly secrets: readonly string[] } | { readonly jwksUrl: string } | undefined;
}

/** A HelpCrunch account that the gateway serves with its own API key. */
export interface ServedAccount {
  /** Names the account in cache, rate limit, events and metrics. */
  readonly name: string;
  readonly apiKey: string;
  /** Keys that webhooks may be signed with, the current one first. */
  readonly webhookSecrets: readonly string[];
  /** Calls per minute; 0 is unlimited. */
  readonly rateLimit: number;
  /** Undefined: tokens are verified as those of all accounts. */
  readonly tokens?: AccountTokenSettings | undefined;
}

interface Entry {
  account: ServedAccount;
  readonly removal: Disposer;
}

/** The accounts of a gateway, which may change while it runs. Read them for every use. */
export class Accounts {
  readonly #entries = new Map<string, Entry>();
  readonly #changeListeners: (() => void)[] = [];

  constructor(accounts: readonly ServedAccount[]) {
    this.#add(accounts);
  }

  get(name: string): ServedAccount | undefined {
    return this.#entries.get(name)?.account;
  }

  all(): readonly ServedAccount[] {
    return Array.from(this.#entries.values(), ({ account }) => account);
  }

  /** Calls `end` once when the account is removed, at once if there is none of this name. Returns a function that cancels it. */
  onRemoved(name: string, end: () => void): () => void {
    const removal = this.#entries.get(name)?.removal;
    if (removal !== undefined) return removal.addRemovable(end);
    end();
    return () => undefined;
  }

  onChange(listener: () => void): void {
    this.#changeListeners.push(listener);
  }

  /** An account that stays keeps its rate limit, because permits of the current window were granted by it. */
  replace(accounts: readonly ServedAccount[]): void {
    const names = new Set(accounts.map(({ name }) => name));
    const removed = [...this.#entries].filter(([name]) => !names.has(name));
    for (const [name] of removed) this.#entries.delete(name);
    this.#add(accounts);
    for (const listener of this.#changeListeners) listener();
    for (const [, { removal }] of removed) removal.dispose();
  }

  #add(accounts: readonly ServedAccount[]): void {
    for (const account of accounts) {
      const existing = this.#entries.get(account.name);
      if (existing === undefined) {
        this.#entries.set(account.name, { account, removal: new Disposer() });
      } else existing.account = { ...account, rateLimit: existing.account.rateLimit };
    }
  }
}
