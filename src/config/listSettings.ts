import { UsageError } from '../lib/usageError.ts';
import { redact } from '../observability/redact.ts';
import { allSettings } from './declarations.ts';
import { environmentVariables } from './settings.ts';

interface ListedSetting {
  readonly name: string;
  /** The given value or the default. Of a secret only whether it is set. */
  readonly value: string;
  readonly isGiven: boolean;
}

export function formatDefault(value: unknown): string {
  if (typeof value === 'string') return value;
  const isEmpty = value === undefined || (Array.isArray(value) && value.length === 0);
  return isEmpty ? 'none' : JSON.stringify(value);
}

/** Removes user information from a URL, valid or not, and everything else that looks like a secret. */
const masked = (value: string): string =>
  redact(value.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@'));

/** Every setting, in the order of the declarations. */
export const listSettings = (environment = environmentVariables()): readonly ListedSetting[] =>
  allSettings.map(({ name, isSecret = false, defaultText, ...declaration }): ListedSetting => {
    const given = environment[name] ?? '';
    if (given !== '') return { name, value: isSecret ? 'set' : masked(given), isGiven: true };
    const value = defaultText?.replaceAll('`', '') ?? formatDefault(declaration.default);
    return { name, value, isGiven: false };
  });

/** Loads variables from a file. Variables that are already set take precedence. */
export function loadEnvironmentFile(file: string): void {
  try {
    process.loadEnvFile(file);
  } catch {
    throw new UsageError(`--env-file: ${file} cannot be read.`);
  }
}
