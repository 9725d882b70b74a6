import { surroundings, variables } from './config.ts';
import { UsageError } from './support/usageError.ts';

interface Setting {
  readonly name: string;
  /** As it was given, or as it is without; of a secret only whether there is one. */
  readonly value: string;
  readonly isGiven: boolean;
}

const secret = /(KEY|SECRET|TOKEN|PASSWORD|REDIS_URL)$/;

function written(value: unknown): string {
  if (typeof value === 'string') return value;
  const isNothing = value === undefined || (Array.isArray(value) && value.length === 0);
  return isNothing ? 'none' : JSON.stringify(value);
}

/** All settings, and variables that look like one and are none. */
export function listSettings(environment = surroundings()): {
  readonly settings: readonly Setting[];
  readonly strangers: readonly string[];
} {
  const defaults = new Map<string, unknown>(Object.entries(variables.parse({})));
  const names = Object.keys(variables.shape);
  const settings = names.map((name): Setting => {
    const given = environment[name] ?? '';
    if (given !== '') return { name, value: secret.test(name) ? 'set' : given, isGiven: true };
    return { name, value: written(defaults.get(name)), isGiven: false };
  });
  const strangers = Object.keys(environment).filter(
    (name) => name.startsWith('HELPCRUNCH_') && !names.includes(name),
  );
  return { settings, strangers };
}

/** Reads a file of settings; what the environment says goes before it. */
export function readVariablesFrom(file: string): void {
  try {
    process.loadEnvFile(file);
  } catch {
    throw new UsageError(`--env-file: ${file} cannot be read.`);
  }
}
