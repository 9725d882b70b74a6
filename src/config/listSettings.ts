import { environmentVariables, variables } from './settings.ts';
import { redact } from '../observability/redact.ts';
import { UsageError } from '../lib/usageError.ts';

interface SettingValue {
  readonly name: string;
  /** As it was given, or as it is without; of a secret only whether there is one. */
  readonly value: string;
  readonly isGiven: boolean;
}

const secretName = /(KEY|SECRET|TOKEN|PASSWORD|REDIS_URL)$/;

function formatValue(value: unknown): string {
  if (typeof value === 'string') return value;
  const isNothing = value === undefined || (Array.isArray(value) && value.length === 0);
  return isNothing ? 'none' : JSON.stringify(value);
}

/** Without the user and password of an address, valid or not, and without what else looks like a secret. */
const masked = (value: string): string =>
  redact(value.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@'));

/** All settings. */
export function listSettings(environment = environmentVariables()): readonly SettingValue[] {
  const defaults = new Map<string, unknown>(Object.entries(variables.parse({})));
  const names = Object.keys(variables.shape);
  return names.map((name): SettingValue => {
    const given = environment[name] ?? '';
    if (given !== '') {
      return { name, value: secretName.test(name) ? 'set' : masked(given), isGiven: true };
    }
    return { name, value: formatValue(defaults.get(name)), isGiven: false };
  });
}

/** Reads a file of settings; what the environment says goes before it. */
export function loadEnvironmentFile(file: string): void {
  try {
    process.loadEnvFile(file);
  } catch {
    throw new UsageError(`--env-file: ${file} cannot be read.`);
  }
}
