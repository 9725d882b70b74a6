/** Fields whose values are nobody's business. */
export const redactedKeys: readonly string[] = [
  'apiKey',
  'authorization',
  'body',
  'cookie',
  'key',
  'password',
  'secret',
  'signature',
  'token',
  'variables',
];

/** What is looked for, what is left of it, and what is in every such text. */
type Pattern = readonly [RegExp, string, string];

/** What looks like a secret. */
const credentials: readonly Pattern[] = [
  [/\bbearer\s+[^\s"\\,;]+/gi, 'Bearer ***', ''],
  // A signed token, wherever it stands.
  [/\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g, '***', 'eyJ'],
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s"\\/@]+@/gi, '$1***@', '://'],
  [/([?&][\w-]*(?:key|token|secret|password|signature)[\w-]*=)[^&\s"\\]+/gi, '$1***', '='],
];

const address: Pattern = [/[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g, '***', '@'];

const without = (patterns: readonly Pattern[]) => (text: string) =>
  patterns.reduce(
    // To look for the one piece costs much less than to look for all of it.
    (rest, [pattern, mark, piece]) => (rest.includes(piece) ? rest.replace(pattern, mark) : rest),
    text,
  );

/** The text without what looks like a secret. */
export const withoutCredentials = without(credentials);

/** The text without what no log should hold: secrets, and people's addresses. */
export const redact = without([...credentials, address]);
