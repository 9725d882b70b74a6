import { useEffect, useEffectEvent, useRef, useState } from 'react';
import type { Address } from '../../state/address.ts';
import { hrefOf, replaceWith } from '../../state/address.ts';
import { useShortcuts } from '../../state/shortcuts.ts';
import { t } from '../../text/index.ts';
import { Icon } from '../Icon.tsx';

const pauseMs = 300;
const minLength = 2;

/** Searches when the user stops typing. */
export function SearchField({ address }: { readonly address: Address }) {
  const [text, setText] = useState(address.search ?? '');
  const list = hrefOf({ ...address, chatId: undefined });
  const [shown, setShown] = useState(list);
  const input = useRef<HTMLInputElement>(null);
  const search = text.trim().length < minLength ? undefined : text.trim();
  // A link or the back button has opened another list.
  if (shown !== list) {
    setShown(list);
    if (address.search !== search) setText(address.search ?? '');
  }
  // A chat may be opened before the search starts.
  const change = useEffectEvent(() => replaceWith({ ...address, search, customerId: undefined }));
  useEffect(() => {
    if (search === address.search) return undefined;
    const timer = setTimeout(() => change(), search === undefined ? 0 : pauseMs);
    return () => clearTimeout(timer);
  }, [search]);
  useShortcuts({ '/': () => input.current?.select() });

  return (
    <search className="search">
      <Icon name="search" />
      <input
        ref={input}
        type="search"
        aria-label={`${t.searchCustomers}: ${t.searchHint}`}
        placeholder={t.searchCustomers}
        title={t.searchHint}
        autoComplete="off"
        value={text}
        onChange={({ target }) => setText(target.value)}
        onKeyDown={(event) => {
          const { key, currentTarget } = event;
          if (key === 'ArrowDown') {
            event.preventDefault();
            document.querySelector<HTMLElement>('.rows .row')?.focus();
          } else if (key === 'Escape') {
            setText('');
            currentTarget.blur();
          }
        }}
      />
      {text !== '' && (
        <button
          type="button"
          className="square quiet"
          aria-label={t.clearSearch}
          onClick={() => {
            setText('');
            input.current?.focus();
          }}
        >
          <Icon name="cross" />
        </button>
      )}
    </search>
  );
}
