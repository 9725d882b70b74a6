/** Fields that are never logged. */
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

/** An expression, its replacement, and a string that every match contains. */
type Pattern = readonly [expression: RegExp, replacement: string, marker: string];

const credentials: readonly Pattern[] = [
  [/\bbearer\s+[^\s"\\,;]+/gi, 'Bearer ***', ''],
  // A JWT.
  [/\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g, '***', 'eyJ'],
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s"\\/@]+@/gi, '$1***@', '://'],
  [/([?&][\w-]*(?:key|token|secret|password|signature)[\w-]*=)[^&\s"\\]+/gi, '$1***', '='],
];

const address: Pattern = [/[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g, '***', '@'];

const without = (patterns: readonly Pattern[]) => (text: string) =>
  patterns.reduce(
    // `includes` is much cheaper than the expression.
    (rest, [expression, replacement, marker]) =>
      rest.includes(marker) ? rest.replace(expression, replacement) : rest,
    text,
  );

/** Redacts what looks like a credential. */
export const withoutCredentials = without(credentials);

/** Redacts credentials and e-mail addresses. */
export const redact = without([...credentials, address]);
