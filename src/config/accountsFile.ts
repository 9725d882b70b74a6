import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { ServedAccount } from '../lib/accounts.ts';
import { JsonError, parseJson, repeatedProperties } from '../lib/json.ts';
import { accountName, apiKey, jwksUrl, tokenSecret, webhookKey } from './parsers.ts';
import { isRepetitive } from './riskyValues.ts';

/** An account of the file. Without a rate limit `HELPCRUNCH_RATE_LIMIT` applies. */
type AccountSettings = Omit<ServedAccount, 'rateLimit'> & {
  readonly rateLimit: number | undefined;
};

const maxRateLimit = 1_000_000;

/** One secret, or several while one is rotated, the current one first. */
const secretsOf = (secret: z.ZodType<string, string>) =>
  z
    .union(
      [z.string(), z.array(z.string()).nonempty('must not be empty')],
      'must be a text or a list of texts',
    )
    .transform((value) => (typeof value === 'string' ? [value] : value))
    .pipe(
      z.array(secret.refine((value) => !isRepetitive(value), 'has too few different characters')),
    );

const nonEmptyText = z.string('must be a text').min(1, 'must not be empty');

const accountSchema = z
  .strictObject(
    {
      apiKey: z.string('must be a text').pipe(apiKey),
      webhookSecret: secretsOf(webhookKey).default([]),
      rateLimit: z
        .int('must be a whole number')
        .min(0, 'must be at least 0')
        .max(maxRateLimit, `must be at most ${maxRateLimit}`)
        .optional(),
      issuer: nonEmptyText.optional(),
      audience: nonEmptyText.optional(),
      jwksUrl: z.string('must be a text').pipe(jwksUrl).optional(),
      jwtSecret: secretsOf(tokenSecret).optional(),
    },
    { error: ({ code }) => (code === 'invalid_type' ? 'must be an object' : undefined) },
  )
  .refine(({ jwksUrl: url, jwtSecret }) => url === undefined || jwtSecret === undefined, {
    error: 'must have only one of jwksUrl and jwtSecret',
  });

type AccountEntry = z.infer<typeof accountSchema>;

function tokensOf({
  issuer,
  audience,
  jwksUrl: url,
  jwtSecret,
}: AccountEntry): ServedAccount['tokens'] {
  const secrets = jwtSecret && { secrets: jwtSecret };
  const signedBy = url === undefined ? secrets : { jwksUrl: url };
  const isOwn = issuer !== undefined || audience !== undefined || signedBy !== undefined;
  return isOwn ? { issuer, audience, signedBy } : undefined;
}

const fileSchema = z
  .record(z.string().pipe(accountName), accountSchema, 'must contain {"<name>":{"apiKey":…}}')
  .refine((accounts) => Object.keys(accounts).length > 0, 'contains no account')
  .transform((accounts) =>
    Object.entries(accounts).map(([name, entry]): AccountSettings => ({
      name,
      apiKey: entry.apiKey,
      webhookSecrets: entry.webhookSecret,
      rateLimit: entry.rateLimit,
      tokens: tokensOf(entry),
    })),
  );

/** Never contains a value: the file consists of secrets. A misspelt property is named, because its name is none. */
function describeIssue(issue: z.core.$ZodIssue): string {
  const place = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys')
    return `${place} has the unknown property ${issue.keys.join(', ')}`;
  if (issue.code === 'invalid_key')
    return 'the name of an account must be 1 to 64 letters, digits, underscores or hyphens';
  if (place.endsWith('.apiKey') && issue.code === 'invalid_type') return `${place} must be a text`;
  return place === '' ? issue.message : `${place} ${issue.message}`;
}

/** Calls `onProblem` for everything that is wrong. */
function readAccounts(
  json: string,
  onProblem: (problem: string) => void,
): readonly AccountSettings[] {
  let value: unknown;
  try {
    value = parseJson(json);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    onProblem('is not JSON');
    return [];
  }
  // The schema ignores this name instead of rejecting it.
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__'))
    onProblem('__proto__ cannot be the name of an account');
  for (const name of repeatedProperties(json)) onProblem(`${name} is defined more than once`);
  const { data, error } = fileSchema.safeParse(value);
  for (const issue of error?.issues ?? []) onProblem(describeIssue(issue));
  return data ?? [];
}

export const accountsFile = z
  .string()
  .transform((path, { addIssue }): readonly AccountSettings[] => {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      addIssue(`the file ${path} cannot be read`);
      return [];
    }
    return readAccounts(text, (problem) => addIssue(`the file ${path}: ${problem}`));
  })
  .describe('file');

/** The secrets of an account with the names of their properties. */
const secretsIn = ({ name, apiKey: key, webhookSecrets, tokens }: AccountSettings) => [
  { owner: `apiKey of ${name}`, secret: key },
  ...webhookSecrets.map((secret) => ({ owner: `webhookSecret of ${name}`, secret })),
  ...(tokens?.signedBy !== undefined && 'secrets' in tokens.signedBy
    ? tokens.signedBy.secrets.map((secret) => ({ owner: `jwtSecret of ${name}`, secret }))
    : []),
];

interface OtherSettings {
  /** Whether tokens can be verified without keys of their account. */
  readonly hasTokenKeys: boolean;
  /** Secrets of other settings, by their names. */
  readonly secrets: Readonly<Record<string, string | undefined>>;
}

/** What is wrong between accounts, or between them and other settings. Contains no value. */
export function accountsProblems(
  accounts: readonly AccountSettings[],
  { hasTokenKeys, secrets }: OtherSettings,
): readonly string[] {
  const owners = new Map<string, string>();
  for (const [name, secret] of Object.entries(secrets))
    if (secret !== undefined) owners.set(secret, name);
  const equal: string[] = [];
  for (const { owner, secret } of accounts.flatMap(secretsIn)) {
    const other = owners.get(secret);
    if (other === undefined) owners.set(secret, owner);
    else equal.push(`${owner} must differ from ${other}.`);
  }
  const withoutKeys = accounts
    .filter(({ tokens }) => !hasTokenKeys && tokens?.signedBy === undefined)
    .map(
      ({ name }) =>
        `${name} needs jwksUrl or jwtSecret, because neither JWKS_URL nor JWT_SECRET is set.`,
    );
  return [...equal, ...withoutKeys];
}

const recommendedWebhookSecretLength = 16;

interface SharedTokenSettings {
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
}

/** Values that are accepted but probably not intended. */
export const accountsWarnings = (
  accounts: readonly AccountSettings[],
  shared: SharedTokenSettings,
): readonly string[] =>
  accounts.flatMap(({ name, webhookSecrets, tokens }) => {
    const isShort = webhookSecrets.some(({ length }) => length < recommendedWebhookSecretLength);
    const isWide =
      tokens?.signedBy !== undefined &&
      'jwksUrl' in tokens.signedBy &&
      [tokens.issuer ?? shared.issuer, tokens.audience ?? shared.audience].includes(undefined);
    return [
      ...(isShort
        ? [
            `webhookSecret of ${name} has fewer than ${recommendedWebhookSecretLength} characters and could be guessed. Create a new one in HelpCrunch.`,
          ]
        : []),
      ...(isWide
        ? [
            `${name} has jwksUrl without both issuer and audience, so tokens that its keys sign for other services are accepted. Set both.`,
          ]
        : []),
    ];
  });
