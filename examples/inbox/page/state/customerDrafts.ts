import { useMemo } from 'react';
import { readDraft, setDraft, useDraft } from './drafts.ts';
import type { CustomerInput } from './customerWrites.ts';
import { editableFields } from './customerWrites.ts';
import { parseObject } from './storage.ts';

type Field = (typeof editableFields)[number];

export type CustomerDraft = Readonly<Partial<Record<Field, string>>>;

const keyOf = (id: string): string => `customer.${id}`;

function decode(draft: string): CustomerDraft {
  const stored = parseObject(draft);
  const texts = editableFields.flatMap((field) => {
    const text = stored[field];
    return typeof text === 'string' ? [[field, text]] : [];
  });
  return Object.fromEntries(texts) as CustomerDraft;
}

/** Undefined: nothing has been typed. */
export function useCustomerDraft(id: string): CustomerDraft | undefined {
  const draft = useDraft(keyOf(id));
  return useMemo(() => (draft === '' ? undefined : decode(draft)), [draft]);
}

export const setCustomerDraft = (id: string, draft: CustomerDraft): void =>
  setDraft(keyOf(id), Object.keys(draft).length === 0 ? '' : JSON.stringify(draft));

/** Removes what was sent, and keeps what was typed since. */
export function dropSaved(id: string, sent: CustomerDraft): void {
  const draft = Object.entries(decode(readDraft(keyOf(id))));
  const unsaved = draft.filter(([field, text]) => text !== sent[field as Field]);
  setCustomerDraft(id, Object.fromEntries(unsaved));
}

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
