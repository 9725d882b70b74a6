import { z } from 'zod';

export const flag = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((word) => word === 'true');

export const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^[0-9]{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(
      z.number().min(least, `must be ${least} to ${most}`).max(most, `must be ${least} to ${most}`),
    );

/** At most a day. */
export const milliseconds = wholeNumber(0, 86_400_000);

/** Later requests are made of it, so it may hold nothing but the place below which all paths lie. */
export const apiUrl = z
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
