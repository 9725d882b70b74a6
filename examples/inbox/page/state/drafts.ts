import { createSignal, useSignal } from './signal.ts';
import { createStored, isObject } from './storage.ts';

type Drafts = Readonly<Record<string, string>>;

function decode(stored: unknown): Drafts {
  const entries = isObject(stored) ? Object.entries(stored) : [];
  return Object.fromEntries(
    entries.flatMap(([key, text]) => (typeof text === 'string' ? [[key, text]] : [])),
  );
}

const drafts = createStored<Drafts>('drafts', decode);

export function setDraft(key: string, text: string): void {
  const others = Object.entries(drafts.get()).filter(([known]) => known !== key);
  drafts.set(Object.fromEntries(text === '' ? others : [...others, [key, text]]));
}

export const readDraft = (key: string): string => drafts.get()[key] ?? '';

/** Unsent text, which survives a reload. */
export const useDraft = (key: string): string => useSignal(drafts)[key] ?? '';

/** What is being written in each chat, a reply or a note. */
export const composerKinds = createSignal<Readonly<Record<string, 'reply' | 'note'>>>({});

export const setComposerKind = (chatId: string, kind: 'reply' | 'note'): void =>
  composerKinds.set({ ...composerKinds.get(), [chatId]: kind });
