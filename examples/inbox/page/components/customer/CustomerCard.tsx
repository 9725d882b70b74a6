import { useApolloClient, useQuery } from '@apollo/client/react';
import { useEffect, useRef, useState } from 'react';
import type { CustomerCardQuery } from '../../gql/graphql.ts';
import { CustomerCardDocument, CustomerChangesDocument } from '../../gql/graphql.ts';
import { useCustomerDraft } from '../../state/customerDrafts.ts';
import { hrefOf } from '../../state/address.ts';
import { t } from '../../text/index.ts';
import { customerName } from '../../text/names.ts';
import { Avatar } from '../Avatar.tsx';
import { Failures } from '../Failures.tsx';
import { Icon } from '../Icon.tsx';
import { Notice, useLasting } from '../Notice.tsx';
import { Skeleton } from '../Skeleton.tsx';
import { CustomerForm } from './CustomerForm.tsx';
import { Facts } from './Facts.tsx';
import { Tags } from './Tags.tsx';

export type CustomerDetails = NonNullable<CustomerCardQuery['customer']>;

/** Apollo Client writes the customer of an event to its cache. */
function useCustomerChanges(id: string): void {
  const client = useApolloClient();
  useEffect(() => {
    const subscription = client
      .subscribe({ query: CustomerChangesDocument, variables: { id } })
      .subscribe({});
    return () => subscription.unsubscribe();
  }, [client, id]);
}

interface CardProperties {
  readonly chatId: string;
  readonly customer: CustomerDetails;
}

function Card({ chatId, customer }: CardProperties) {
  const { id, notes } = customer;
  const draft = useCustomerDraft(id);
  // The form without a draft.
  const [isOpened, setIsOpened] = useState(false);
  const isEditing = isOpened || draft !== undefined;
  const wasEditing = useRef(isEditing);
  const edit = useRef<HTMLButtonElement>(null);
  const name = customerName(customer);
  useEffect(() => {
    if (draft !== undefined) setIsOpened(false);
  }, [draft]);
  useEffect(() => {
    // The focus was in the form, which has disappeared.
    const isFocusLost = document.activeElement === document.body;
    if (wasEditing.current && !isEditing && isFocusLost) edit.current?.focus();
    wasEditing.current = isEditing;
  }, [isEditing]);
  return (
    <>
      <div className="who-is-it">
        <Avatar name={name} seed={id} />
        <h2 dir="auto">{name}</h2>
        <div className="buttons">
          {!isEditing && (
            <button ref={edit} type="button" onClick={() => setIsOpened(true)}>
              <Icon name="pencil" /> {t.edit}
            </button>
          )}
          <a className="button" href={hrefOf({ customerId: id })}>
            {t.chats}
          </a>
        </div>
      </div>
      <Failures subject={`customer:${id}`} />
      <Tags chatId={chatId} customer={customer} />
      {isEditing ? (
        <CustomerForm
          chatId={chatId}
          customer={customer}
          draft={draft ?? {}}
          onEnd={() => setIsOpened(false)}
        />
      ) : (
        <Facts customer={customer} />
      )}
      {notes !== null && !isEditing && (
        <section className="notes">
          <h3>{t.notes}</h3>
          <p dir="auto">{notes}</p>
        </section>
      )}
    </>
  );
}

interface Properties {
  readonly id: string;
  readonly chatId: string;
}

export function CustomerCard({ id, chatId }: Properties) {
  const {
    data,
    error: latest,
    loading,
    refetch,
  } = useQuery(CustomerCardDocument, {
    variables: { id },
  });
  const error = useLasting(latest, loading);
  const customer = data?.customer;
  useCustomerChanges(id);
  return (
    <>
      {error !== undefined && (
        <Notice error={error} onRetry={() => void refetch().catch(() => undefined)} />
      )}
      {customer == null && error === undefined && <Skeleton count={3} />}
      {customer != null && <Card key={id} chatId={chatId} customer={customer} />}
    </>
  );
}
