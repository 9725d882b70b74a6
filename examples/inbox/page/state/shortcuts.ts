import { useEffect, useEffectEvent } from 'react';
import { language } from '../text/index.ts';
import { settings } from './settings.ts';

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  target.closest('input, textarea, select, [contenteditable], dialog, [role="listbox"]') !== null;

/** The key as on a Latin keyboard, because the letters of a Cyrillic one differ. */
export function keyOf({ key, code, shiftKey }: KeyboardEvent): string {
  if (code === 'Slash' && language === 'uk') return shiftKey ? '?' : '/';
  const isLetter = key.length === 1 && /^Key[A-Z]$/.test(code);
  return isLetter && key > '\u007f' ? code.slice(3).toLowerCase() : key;
}

/** A shortcut that returns false leaves the key to the browser. */
type Shortcuts = Readonly<Record<string, () => unknown>>;

/** Keys that work anywhere in the page, except in text fields and dialogs. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const handle = useEffectEvent((event: KeyboardEvent) => {
    const { defaultPrevented, ctrlKey, metaKey, altKey, target } = event;
    if (defaultPrevented || ctrlKey || metaKey || altKey || isTyping(target)) return;
    const key = keyOf(event);
    if (key.length === 1 && !settings.get().shortcuts) return;
    const run = shortcuts[key];
    if (run !== undefined && run() !== false) event.preventDefault();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => handle(event);
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  }, []);
}
