import { useApolloClient } from '@apollo/client/react';
import { useEffect, useRef, useState } from 'react';
import type { CustomerDraft } from '../../state/customerDrafts.ts';
import { inputOf, readCustomerDraft, setCustomerDraft } from '../../state/customerDrafts.ts';
import { editableFields, saveCustomer } from '../../state/customerWrites.ts';
import { t } from '../../text/index.ts';
import type { CustomerDetails } from './CustomerCard.tsx';

const types = { name: 'text', email: 'email', phone: 'tel', company: 'text' } as const;

interface Properties {
  readonly customer: CustomerDetails;
  readonly onEnd: () => void;
}

/** What is typed survives a reload and a failure. */
export function CustomerForm({ customer, onEnd }: Properties) {
  const client = useApolloClient();
  const { id } = customer;
  const [draft, setDraft] = useState(() => readCustomerDraft(id));
  const [isSaving, setIsSaving] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    form.current?.querySelector('input')?.focus();
  }, []);
  const change = (next: CustomerDraft) => {
    setDraft(next);
    setCustomerDraft(id, next);
  };
  async function save(): Promise<void> {
    const input = inputOf(draft, customer);
    setIsSaving(true);
    const isSaved = Object.keys(input).length === 0 || (await saveCustomer(client, id, input));
    setIsSaving(false);
    if (isSaved) cancel();
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
            change({ ...draft, [field]: target.value }),
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
