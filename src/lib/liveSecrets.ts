/** The secrets, besides those of accounts, that a gateway uses at the moment. */
export interface SecretValues {
  /** Keys that tokens may be signed with, the current one first. */
  readonly jwtSecrets: readonly string[];
  readonly routerSecret: string | undefined;
}

/** Secrets that can be replaced while the gateway runs. Read them for every use. */
export class LiveSecrets implements SecretValues {
  #values: SecretValues;

  constructor(values: SecretValues) {
    this.#values = values;
  }

  get jwtSecrets(): readonly string[] {
    return this.#values.jwtSecrets;
  }

  get routerSecret(): string | undefined {
    return this.#values.routerSecret;
  }

  replace(values: SecretValues): void {
    this.#values = values;
  }
}
