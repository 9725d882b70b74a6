import { z } from 'zod';

export const booleanVariable = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((word) => word === 'true');

export const integerVariable = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^[0-9]{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(
      z
        .number()
        .min(minimum, `must be ${minimum} to ${maximum}`)
        .max(maximum, `must be ${minimum} to ${maximum}`),
    );

/** At most a day. */
export const millisecondsVariable = integerVariable(0, 86_400_000);

/** Later requests are made of it, so it may hold nothing but the place below which all paths lie. */
export const apiUrlVariable = z
  .url({
    protocol: /^https?$/,
    abort: true,
    error: 'must be an address that begins with http:// or https://',
  })
  .refine((url) => {
    const { username, password } = new URL(url);
    return username + password === '' && !/[?#]/.test(url);
  }, 'must have no user, query or fragment')
  .transform((url) => url.replace(/\/+$/, ''));

/** One scheme, host and port; a host without a scheme is called by https. */
export const callbackOrigin = z.string().transform((text, { addIssue }) => {
  const address = /^https?:\/\//i.test(text) ? text : `https://${text}`;
  const parsed = URL.canParse(address) ? new URL(address) : undefined;
  // Nothing but a host and a port, however it is spelled; no wildcards.
  const isOrigin =
    /^https?:\/\/[^/?#@\\\s]+\/?$/i.test(address) &&
    /^([\w.-]+|\[.*\])$/.test(parsed?.hostname ?? '');
  if (parsed !== undefined && isOrigin) return parsed.origin;
  addIssue(
    'must be hosts such as router.example.com, or origins such as http://router.internal:4000',
  );
  return '';
});
