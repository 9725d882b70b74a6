import { readDraft, setDraft } from './drafts.ts';
import type { CustomerInput } from './customerWrites.ts';
import { editableFields } from './customerWrites.ts';
import { parseObject } from './storage.ts';

type Field = (typeof editableFields)[number];

export type CustomerDraft = Readonly<Partial<Record<Field, string>>>;

const keyOf = (id: string): string => `customer.${id}`;

export function readCustomerDraft(id: string): CustomerDraft {
  const stored = parseObject(readDraft(keyOf(id)));
  const texts = editableFields.flatMap((field) => {
    const text = stored[field];
    return typeof text === 'string' ? [[field, text]] : [];
  });
  return Object.fromEntries(texts) as CustomerDraft;
}

export const hasCustomerDraft = (id: string): boolean => readDraft(keyOf(id)) !== '';

export const setCustomerDraft = (id: string, draft: CustomerDraft): void =>
  setDraft(keyOf(id), Object.keys(draft).length === 0 ? '' : JSON.stringify(draft));

/** The values that differ from the customer's. */
export function inputOf(
  draft: CustomerDraft,
  customer: Readonly<Record<Field, string | null>>,
): CustomerInput {
  const changed = editableFields.flatMap((field) => {
    const text = draft[field]?.trim();
    const value = text === '' ? null : text;
    return value === undefined || value === customer[field] ? [] : [[field, value] as const];
  });
  return Object.fromEntries(changed);
}
