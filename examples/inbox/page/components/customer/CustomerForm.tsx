import { useApolloClient } from '@apollo/client/react';
import { useEffect, useRef, useState } from 'react';
import type { CustomerDraft } from '../../state/customerDrafts.ts';
import { dropSaved, inputOf, setCustomerDraft } from '../../state/customerDrafts.ts';
import { editableFields, saveCustomer } from '../../state/customerWrites.ts';
import { t } from '../../text/index.ts';
import type { CustomerDetails } from './CustomerCard.tsx';

const types = { name: 'text', email: 'email', phone: 'tel', company: 'text' } as const;

interface Properties {
  readonly chatId: string;
  readonly customer: CustomerDetails;
  readonly draft: CustomerDraft;
  readonly onEnd: () => void;
}

/** What is typed survives a reload and a failure. */
export function CustomerForm({ chatId, customer, draft, onEnd }: Properties) {
  const client = useApolloClient();
  const { id } = customer;
  const [isSaving, setIsSaving] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    form.current?.querySelector('input')?.focus();
  }, []);
  async function save(): Promise<void> {
    const input = inputOf(draft, customer);
    if (Object.keys(input).length === 0) {
      cancel();
      return;
    }
    setIsSaving(true);
    // The form ends when its draft is saved, also by a repetition after a failure.
    await saveCustomer(client, { id, chatId, input, onApplied: () => dropSaved(id, draft) });
    setIsSaving(false);
  }
  function cancel(): void {
    setCustomerDraft(id, {});
    onEnd();
  }
  return (
    <form
      ref={form}
      className="customer-form"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
      onKeyDown={({ key }) => {
        if (key === 'Escape') cancel();
      }}
    >
      {editableFields.map((field) => {
        const properties = {
          value: draft[field] ?? customer[field] ?? '',
          onChange: ({ target }: { readonly target: { readonly value: string } }) =>
            setCustomerDraft(id, { ...draft, [field]: target.value }),
          dir: 'auto',
          autoComplete: 'off',
        };
        return (
          <label key={field}>
            {t[field]}
            {field === 'notes' ? (
              <textarea rows={3} maxLength={255} {...properties} />
            ) : (
              <input type={types[field]} {...properties} />
            )}
          </label>
        );
      })}
      <div className="buttons">
        <button type="submit" className="primary" disabled={isSaving}>
          {isSaving ? t.saving : t.save}
        </button>
        <button type="button" onClick={cancel}>
          {t.cancel}
        </button>
      </div>
    </form>
  );
}
