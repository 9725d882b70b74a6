/** The secrets that a gateway uses at the moment. */
export interface SecretValues {
  /** The API key of the gateway; undefined if clients send their own. */
  readonly apiKey: string | undefined;
  /** Keys that webhooks may be signed with, the current one first. */
  readonly webhookSecrets: readonly string[];
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

  get apiKey(): string | undefined {
    return this.#values.apiKey;
  }

  get webhookSecrets(): readonly string[] {
    return this.#values.webhookSecrets;
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
