import { z } from 'zod';
import { isIdText } from '../lib/shape.ts';

/** Schemas of the values of responses that control an export, or that it prints. The server is not trusted. */
export const idSchema = z.string().refine(isIdText);
export const roleSchema = z.string().regex(/^[A-Z_]{1,50}$/);
export const eventIdSchema = z.uuid();

/** An object of HelpCrunch. Its other fields are written as they are. */
export const rowSchema = z.looseObject({ id: idSchema });
export const referenceSchema = z.object({ id: idSchema });
export const chatReferenceSchema = z.object({ chat: referenceSchema });

export const pageInfoSchema = z.object({
  hasNextPage: z.boolean(),
  endCursor: z.string().nullable(),
});
