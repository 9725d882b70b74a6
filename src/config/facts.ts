import { isLoopback } from '../lib/hosts.ts';
import { allSettings } from './declarations.ts';
import { listOf } from './riskyValues.ts';
import type { Environment } from './setting.ts';

/** What the checks of combinations read. Each value may be invalid by itself. */
export class Facts {
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  has(name: string): boolean {
    return this.value(name) !== '';
  }

  value(name: string): string {
    return this.#environment[name] ?? '';
  }

  number(name: string): number {
    return Number(
      this.value(name) || allSettings.find((setting) => setting.name === name)?.default,
    );
  }

  isTrue(name: string): boolean {
    return this.value(name) === 'true';
  }

  get auth(): string {
    return this.value('AUTH') || 'none';
  }

  get isProduction(): boolean {
    return this.value('NODE_ENV') === 'production';
  }

  /** Only this machine can connect. */
  get isLoopback(): boolean {
    return isLoopback(this.value('HOST') || '127.0.0.1');
  }

  /** The gateway can only serve the simulator. */
  get isDemo(): boolean {
    const hasAccount = this.has('HELPCRUNCH_API_KEY') || this.has('ACCOUNTS_FILE');
    return !hasAccount && this.auth !== 'forward';
  }

  /** Clients use a live account without authentication, and nothing declares that intended. */
  get isUnintendedlyOpen(): boolean {
    const isRouterOnly = this.isTrue('ROUTER_ONLY') && this.has('ROUTER_SECRET');
    const isIntended = this.isTrue('ALLOW_UNAUTHENTICATED') || isRouterOnly;
    return this.auth === 'none' && !this.isDemo && !isIntended;
  }

  get usesProxy(): boolean {
    return !['', '0'].includes(this.value('TRUST_PROXY'));
  }

  /** Clients on other machines or on other origins are expected. */
  get expectsRemoteClients(): boolean {
    const hosts = this.has('ALLOWED_HOSTS') ? listOf(this.value('ALLOWED_HOSTS')) : [];
    return this.has('CORS_ORIGINS') || hosts.some((host) => !isLoopback(host));
  }
}
