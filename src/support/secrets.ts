/** Fields whose values are nobody's business. */
export const struckNames: readonly string[] = [
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

/** What looks like a secret or like a person's address, and what is left of it. */
const patterns: readonly (readonly [RegExp, string])[] = [
  [/\bbearer\s+[^\s"\\,;]+/gi, 'Bearer ***'],
  // A signed token, wherever it stands.
  [/\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g, '***'],
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s"\\/@]+@/gi, '$1***@'],
  [/([?&][\w-]*(?:key|token|secret|password|signature)[\w-]*=)[^&\s"\\]+/gi, '$1***'],
  [/[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g, '***'],
];

/** The text without what no log should hold. */
export const struck = (text: string): string =>
  patterns.reduce((rest, [pattern, mark]) => rest.replace(pattern, mark), text);
