import { useApolloClient } from '@apollo/client/react';
import { changeTag } from '../../state/customerWrites.ts';
import { setDraft, useDraft } from '../../state/drafts.ts';
import { t } from '../../text/index.ts';
import { Icon } from '../Icon.tsx';
import type { CustomerDetails } from './CustomerCard.tsx';

interface Properties {
  readonly chatId: string;
  readonly customer: CustomerDetails;
}

export function Tags({ chatId, customer: { id, tags } }: Properties) {
  const client = useApolloClient();
  const key = `tag.${id}`;
  const text = useDraft(key);
  async function add(): Promise<void> {
    const name = text.trim();
    if (name === '') return;
    const isAdded = changeTag(client, { id, chatId, name, isAdded: true });
    if (await isAdded) setDraft(key, '');
  }
  return (
    <section className="tag-section" aria-label={t.tags}>
      <ul className="tags">
        {(tags ?? []).map(({ name, color }) => (
          <li key={name}>
            <span className="dot" style={{ background: color ?? 'currentColor' }} />
            <span dir="auto">{name}</span>
            <button
              type="button"
              className="remove"
              aria-label={t.removeTag(name)}
              onClick={() => void changeTag(client, { id, chatId, name, isAdded: false })}
            >
              <Icon name="cross" />
            </button>
          </li>
        ))}
      </ul>
      <form
        className="add-tag"
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        <input
          aria-label={t.addTag}
          placeholder={t.addTag}
          autoComplete="off"
          dir="auto"
          value={text}
          onChange={({ target }) => setDraft(key, target.value)}
        />
        {text.trim() !== '' && <button type="submit">{t.add}</button>}
      </form>
    </section>
  );
}
