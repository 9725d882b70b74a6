import { useFragment, useQuery } from '@apollo/client/react';
import { useRef } from 'react';
import type { CustomerSearchQuery } from '../../gql/graphql.ts';
import type { Address } from '../../state/address.ts';
import { CustomerSearchDocument, CustomerValuesFragmentDoc } from '../../gql/graphql.ts';
import { hrefOf } from '../../state/address.ts';
import { t } from '../../text/index.ts';
import { customerName } from '../../text/names.ts';
import { Avatar } from '../Avatar.tsx';
import { Icon } from '../Icon.tsx';
import { LoadMore } from '../LoadMore.tsx';
import { Notice, useLasting } from '../Notice.tsx';
import { Skeleton } from '../Skeleton.tsx';
import { useRowKeys } from './rowFocus.ts';

/** Phone numbers are stored without the spaces and brackets that people type. */
const phoneOf = (text: string): string =>
  /^[+\d\s().-]+$/.test(text) ? text.replace(/[\s().-]/g, '') : text;

interface ResultsProperties {
  readonly text: string;
  readonly address: Address;
}

type Found = NonNullable<CustomerSearchQuery['customers']>['edges'][number]['node'];

function Result({ customer, href }: { readonly customer: Found; readonly href: string }) {
  const { id, email, phone } = customer;
  const name = customerName(customer);
  return (
    <li>
      <a className="row" href={href}>
        <Avatar name={name} seed={id} />
        <span className="name" dir="auto">
          {name}
        </span>
        <span className="said">{[email, phone].filter((value) => value !== null).join(' · ')}</span>
      </a>
    </li>
  );
}

export function CustomerResults({ text, address }: ResultsProperties) {
  const {
    data,
    error: latest,
    loading,
    refetch,
    fetchMore,
  } = useQuery(CustomerSearchDocument, {
    variables: { text, phone: phoneOf(text) },
  });
  const box = useRef<HTMLDivElement>(null);
  useRowKeys(box);
  const error = useLasting(latest, loading);
  const found = data?.customers ?? undefined;
  const { hasNextPage = false, endCursor } = found?.pageInfo ?? {};
  return (
    <div className="rows" ref={box} aria-busy={loading}>
      {error !== undefined && (
        <Notice error={error} onRetry={() => void refetch().catch(() => undefined)} />
      )}
      {found === undefined && error === undefined && <Skeleton count={9} />}
      <p className="count" role="status">
        {found?.totalCount != null &&
          (found.totalCount === 0 ? t.noCustomers : t.customersFound(found.totalCount))}
      </p>
      <ul>
        {found?.edges.map(({ node }) => (
          <Result
            key={node.id}
            customer={node}
            href={hrefOf({ ...address, chatId: undefined, customerId: node.id, search: text })}
          />
        ))}
      </ul>
      {hasNextPage && (
        <LoadMore label={t.loadMore} load={() => fetchMore({ variables: { after: endCursor } })} />
      )}
    </div>
  );
}

/** The heading of a list of one customer's chats. */
export function CustomerHeading({
  id,
  address,
}: {
  readonly id: string;
  readonly address: Address;
}) {
  const { data, complete } = useFragment({
    fragment: CustomerValuesFragmentDoc,
    from: { __typename: 'Customer', id },
  });
  const name = 'name' in data ? (data.name ?? data.email) : undefined;
  const back = hrefOf({ ...address, chatId: undefined, customerId: undefined });
  return (
    <div className="list-heading" aria-busy={!complete}>
      <a className="square" href={back} aria-label={t.backToView(t.view[address.view])}>
        <Icon name="back" />
      </a>
      <h2 dir="auto">{t.chatsOf(name ?? t.customerWithoutName(id))}</h2>
    </div>
  );
}
