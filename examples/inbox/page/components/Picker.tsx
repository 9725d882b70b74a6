import type { KeyboardEvent, ReactNode, Ref } from 'react';
import { useEffect, useEffectEvent, useId, useRef, useState } from 'react';
import { locale, t } from '../text/index.ts';
import { Icon } from './Icon.tsx';

export interface Choice {
  readonly id: string;
  readonly name: string;
  readonly detail?: string;
}

interface ListProperties {
  readonly label: string;
  readonly choices: readonly Choice[];
  readonly selectedId: string | undefined;
  readonly onSelect: (id: string) => void;
  readonly onClose: () => void;
}

/** More choices than this have a search field. */
const searchableCount = 8;

const isMatch = ({ name }: Choice, text: string): boolean =>
  name.toLocaleLowerCase(locale).includes(text.trim().toLocaleLowerCase(locale));

/** The index that a navigation key selects. */
function targetOf(key: string, index: number, count: number): number | undefined {
  const targets: Readonly<Record<string, number>> = {
    ArrowDown: (index + 1) % count,
    ArrowUp: (index + count - 1) % count,
    Home: 0,
    End: count - 1,
  };
  return targets[key];
}

function ChoiceList({ label, choices, selectedId, onSelect, onClose }: ListProperties) {
  const isSearchable = choices.length > searchableCount;
  const [text, setText] = useState('');
  const [active, setActive] = useState(() =>
    Math.max(
      0,
      choices.findIndex(({ id }) => id === selectedId),
    ),
  );
  const listId = useId();
  const focused = useRef<HTMLElement>(null);
  const shown = choices.filter((choice) => isMatch(choice, text));
  const optionId = (index: number) => `${listId}-${index}`;
  useEffect(() => {
    focused.current?.focus();
  }, []);
  useEffect(() => {
    document.getElementById(optionId(active))?.scrollIntoView({ block: 'nearest' });
  });

  function onKeyDown(event: KeyboardEvent): void {
    const target = targetOf(event.key, active, shown.length);
    const choice = shown[active];
    if (event.key === 'Escape') onClose();
    else if (event.key === 'Enter' && choice !== undefined) onSelect(choice.id);
    else if (target !== undefined && shown.length > 0) setActive(target);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  const activeId = shown.length > 0 ? optionId(active) : undefined;
  return (
    <div
      className="choices"
      onKeyDown={onKeyDown}
      onClick={({ target, currentTarget }) => {
        if (target === currentTarget) onClose();
      }}
    >
      {isSearchable && (
        <input
          ref={focused as Ref<HTMLInputElement>}
          type="search"
          role="combobox"
          aria-label={`${label}: ${t.search}`}
          aria-expanded="true"
          aria-controls={listId}
          aria-autocomplete="list"
          aria-activedescendant={activeId}
          placeholder={t.search}
          value={text}
          onChange={({ target }) => {
            setText(target.value);
            setActive(0);
          }}
        />
      )}
      <ul
        id={listId}
        ref={isSearchable ? null : (focused as Ref<HTMLUListElement>)}
        role="listbox"
        aria-label={label}
        tabIndex={isSearchable ? -1 : 0}
        aria-activedescendant={isSearchable ? undefined : activeId}
      >
        {shown.map(({ id, name, detail }, index) => (
          <li
            key={id}
            id={optionId(index)}
            role="option"
            aria-selected={id === selectedId}
            data-active={index === active}
            onPointerMove={() => setActive(index)}
            onClick={() => onSelect(id)}
          >
            <span dir="auto">{name}</span>
            {detail !== undefined && <span className="detail">{detail}</span>}
          </li>
        ))}
      </ul>
      {shown.length === 0 && (
        <p className="empty" role="status">
          {t.nothingFound}
        </p>
      )}
    </div>
  );
}

interface Properties extends Omit<ListProperties, 'onClose' | 'selectedId'> {
  readonly selectedId?: string | undefined;
  readonly children: ReactNode;
  readonly className?: string;
  readonly button?: Ref<HTMLButtonElement>;
}

/** A button that opens a list of choices, with a search field if there are many. */
export function Picker({ children, className, button, onSelect, ...list }: Properties) {
  const [isOpen, setIsOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const close = (isFocused: boolean) => {
    setIsOpen(false);
    if (isFocused) box.current?.querySelector('button')?.focus();
  };
  const closeOutside = useEffectEvent(({ target }: Event) => {
    if (target instanceof Node && box.current?.contains(target) === false) close(false);
  });
  useEffect(() => {
    if (!isOpen) return undefined;
    const listener = (event: Event) => closeOutside(event);
    document.addEventListener('pointerdown', listener);
    document.addEventListener('focusin', listener);
    return () => {
      document.removeEventListener('pointerdown', listener);
      document.removeEventListener('focusin', listener);
    };
  }, [isOpen]);

  return (
    <div className="picker" ref={box} data-open={isOpen}>
      <button
        ref={button ?? null}
        type="button"
        className={className}
        aria-haspopup="listbox"
        aria-expanded={isOpen}
        onClick={() => setIsOpen(!isOpen)}
      >
        {children}
        <Icon name="down" />
      </button>
      {isOpen && (
        <ChoiceList
          {...list}
          selectedId={list.selectedId}
          onClose={() => close(true)}
          onSelect={(id) => {
            close(true);
            onSelect(id);
          }}
        />
      )}
    </div>
  );
}
