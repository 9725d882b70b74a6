import type { RefObject } from 'react';
import { useShortcuts } from '../../state/shortcuts.ts';

export const rowsOf = (list: HTMLElement | null): readonly HTMLElement[] => [
  ...(list?.querySelectorAll<HTMLElement>('.row') ?? []),
];

export const focusRow = (chatId: string): void =>
  document.querySelector<HTMLElement>(`.row[data-chat="${chatId}"]`)?.focus();

/** Moves the focus from the focused row, or from the open chat, without a prior click. */
function moveFocus(list: HTMLElement | null, chatId: string | undefined, step: 1 | -1): boolean {
  const { activeElement } = document;
  // Arrow keys scroll the messages.
  if (activeElement?.closest('.talk, [role="toolbar"]') != null) return false;
  const rows = rowsOf(list);
  const focused = rows.findIndex((row) => row === activeElement);
  const open = rows.findIndex(({ dataset }) => chatId !== undefined && dataset['chat'] === chatId);
  const index = focused === -1 ? open : focused;
  const target = index === -1 ? rows[0] : rows[index + step];
  target?.focus();
  return true;
}

/** The keys that move through the rows of a list. */
export function useRowKeys(list: RefObject<HTMLElement | null>, chatId?: string): void {
  const move = (step: 1 | -1) => () => moveFocus(list.current, chatId, step);
  useShortcuts({ j: move(1), k: move(-1), ArrowDown: move(1), ArrowUp: move(-1) });
}
