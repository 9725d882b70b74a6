/** Replaces a secret. */
const mark = '***';

interface Plain {
  readonly text: string;
  /** The index of each character of `text` in the original, and of the end. */
  readonly starts: readonly number[];
}

/** An escaped character of URLs, JSON, JavaScript and HTML, escaped once or several times. */
const escaped =
  /%(?:25)*([0-9a-f]{2})|\\{1,8}u00([0-9a-f]{2})|\\{1,8}x([0-9a-f]{2})|&#x0*([0-9a-f]{2});|&#0*([0-9]{2,3});|&(amp|quot|apos|lt|gt);|\\{1,8}([\\/"'])/gi;

const named: Readonly<Record<string, string>> = {
  amp: '&',
  quot: '"',
  apos: "'",
  lt: '<',
  gt: '>',
};

/** Preserves the length, unlike `toLowerCase`. */
const lower = (text: string): string => text.replace(/[A-Z]+/g, (part) => part.toLowerCase());

/** The text unescaped and in lower case. */
function plainOf(text: string): Plain {
  const parts: string[] = [];
  const starts: number[] = [];
  const take = (from: number, to: number) => {
    parts.push(text.slice(from, to));
    for (let place = from; place < to; place += 1) starts.push(place);
  };
  let end = 0;
  for (const { index, 0: whole, ...groups } of text.matchAll(escaped)) {
    take(end, index);
    end = index + whole.length;
    const hex = groups[1] ?? groups[2] ?? groups[3] ?? groups[4];
    const decimal = groups[5];
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    parts.push(
      named[groups[6]?.toLowerCase() ?? ''] ?? groups[7] ?? String.fromCharCode(code % 0x10000),
    );
    starts.push(index);
  }
  take(end, text.length);
  return { text: lower(parts.join('')), starts: [...starts, text.length] };
}

/** Shorter encodings occur in ordinary words. */
const shortestEncoding = 4;

/** The part of the base64 encoding that depends on the secret alone, at an offset of `before` bytes modulo 3. */
function base64Of(secret: string, before: 0 | 1 | 2): string {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]);
  const text = bytes.toString('base64').replace(/=+$/, '');
  const first = Math.ceil((before * 8) / 6);
  return bytes.length % 3 === 0 ? text.slice(first) : text.slice(first, -1);
}

const reversed = (text: string): string => Array.from(text).toReversed().join('');

/** The forms of a secret in unescaped text. The secret itself may look escaped. */
const formsOf = (secret: string): readonly string[] => [lower(secret), plainOf(secret).text];

function encodingsOf(secret: string): readonly string[] {
  const base64 = ([0, 1, 2] as const).map((before) => base64Of(secret, before));
  const base64url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  return [reversed(secret), Buffer.from(secret).toString('hex'), ...base64, ...base64url]
    .filter((text) => text.length >= shortestEncoding)
    .flatMap(formsOf);
}

const isRunCharacter = (character: string | undefined): boolean =>
  character !== undefined && /^[a-z0-9+/_=-]$/.test(character);

/** Shorter secrets are found in ordinary text once its separators are removed. */
const shortestSeparated = 8;

/** Letters and digits only: finds secrets with spaces, hyphens or invisible characters between their characters. */
const withoutSeparators = (text: string): string =>
  lower(text.normalize('NFKC')).replace(/[^\p{L}\p{N}]+/gu, '');

/** Replaces what `markSecrets` marks in the unescaped text. */
function replaceMarked(
  text: string,
  markSecrets: (plain: string, isSecret: Uint8Array) => void,
): string {
  const { text: plain, starts } = plainOf(text);
  const isSecret = new Uint8Array(plain.length);
  markSecrets(plain, isSecret);
  let result = '';
  let kept = 0;
  for (let from = isSecret.indexOf(1); from !== -1; from = isSecret.indexOf(1, kept)) {
    const to = isSecret.indexOf(0, from);
    const last = to === -1 ? plain.length : to;
    result += text.slice(starts[kept], starts[from]) + mark;
    kept = last;
  }
  return result + text.slice(starts[kept]);
}

/** Redacts secrets in any escaping and capitalization, in base64, in hexadecimal and reversed. */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const given = secrets.filter((secret) => secret !== '');
  const sought = new Set(given.flatMap(formsOf));
  const encoded = new Set(given.flatMap(encodingsOf));
  const separated = given
    .flatMap((secret) => [secret, ...encodingsOf(secret)])
    .map(withoutSeparators)
    .filter(({ length }) => length >= shortestSeparated);

  function markSecrets(plain: string, isSecret: Uint8Array): void {
    const redact = (needle: string, isEncoded: boolean) => {
      for (let at = plain.indexOf(needle); at !== -1; at = plain.indexOf(needle, at + 1)) {
        let [from, to] = [at, at + needle.length];
        // The characters at both ends of base64 encode part of the secret too.
        while (isEncoded && isRunCharacter(plain[from - 1])) from -= 1;
        while (isEncoded && isRunCharacter(plain[to])) to += 1;
        isSecret.fill(1, from, to);
        at = to - 1;
      }
    };
    for (const needle of sought) redact(needle, false);
    for (const needle of encoded) redact(needle, true);
  }

  return (text) => {
    if (sought.size === 0) return text;
    const result = replaceMarked(text, markSecrets);
    const remaining = withoutSeparators(plainOf(result).text);
    return separated.some((secret) => remaining.includes(secret)) ? mark : result;
  };
}

/** The rest of a URL, up to a delimiter and without the punctuation of its sentence. */
const rest = String.raw`[^\s"'<>()[\]{}\\,;]*(?<![.:!?])`;

const url = new RegExp(String.raw`\b[a-z][a-z0-9+.-]{0,20}:\/\/(?:\[[\da-f:.]+\])?${rest}`, 'g');

/** A header with its value. */
const header =
  /(?<![\w-])(?:(?:proxy-)?authorization|(?:set-)?cookie|x-[a-z0-9-]{1,40})\s{0,4}[:=]\s{0,4}(?:(?:bearer|basic|digest)\s+)?[^\s"'<>()\\,;]*[^\s"'<>()\\,;.]/g;

/** Matches a host name or address, with the port and the path after it. IPv6 also without brackets. */
function hostPattern(host: string): RegExp {
  const name = host.replace(/[[\]]|\.$/g, '').replace(/[^\w-]/g, String.raw`\$&`);
  return new RegExp(String.raw`(?<![\w-])\[?${name}(?![\w-])\]?(?::\d+)?(?:\/${rest})?`, 'g');
}

/** Redacts, in any escaping, URLs, headers with credentials, and the host of `baseUrl`. */
export function createUrlRedactor(baseUrl: string): (text: string) => string {
  const patterns = [url, header, hostPattern(new URL(baseUrl).hostname)];
  return (text) =>
    replaceMarked(text, (plain, isSecret) => {
      for (const { index, 0: match } of patterns.flatMap((each) => [...plain.matchAll(each)])) {
        isSecret.fill(1, index, index + match.length);
      }
    });
}

const shortestToken = 20;

/** An e-mail address, which is kept, or a run of token characters. */
const emailOrRun =
  /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+|(?:[A-Za-z0-9+/_=-]|%[0-9A-Fa-f]{2}){20,}/g;

const isPathPart = (part: string): boolean =>
  /^(?:[A-Za-z]+(?:[_-][A-Za-z]+)*|[0-9]*|v[0-9]+)$/.test(part);

function isToken(run: string): boolean {
  if (run.length < shortestToken || run.includes('@')) return false;
  if (!/[A-Za-z]/.test(run) || !/[0-9]/.test(run)) return false;
  return !run.includes('/') || !run.split('/').every(isPathPart);
}

/**
 * Redacts what looks like a token: at least 20 base64 characters with letters and digits, UUIDs included. Words, numbers, e-mail addresses
 * and plain paths are kept.
 */
export const withoutTokens = (text: string): string =>
  text.replace(emailOrRun, (run) => (isToken(run) ? mark : run));
