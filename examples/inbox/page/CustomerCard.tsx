import { useQuery } from '@apollo/client/react';
import { Avatar } from './Avatar.tsx';
import type { CustomerCardQuery } from './gql/graphql.ts';
import { CustomerCardDocument } from './gql/graphql.ts';
import { Notice, useLasting } from './Notice.tsx';
import { customerName, dayOf, labelOf, timeOfDay } from './words.ts';

type Customer = NonNullable<CustomerCardQuery['customer']>;

const countryNames = new Intl.DisplayNames(undefined, { type: 'region' });

function placeOf(location: Customer['location']): string | null {
  const { city, countryCode } = location ?? {};
  const isCountry = /^[A-Za-z]{2}$/.test(countryCode ?? '');
  const country = isCountry ? countryNames.of((countryCode ?? '').toUpperCase()) : null;
  const parts = [city, country].filter((part) => part != null);
  return parts.length === 0 ? null : parts.join(', ');
}

const momentOf = (iso: string | null): string | null =>
  iso === null ? null : `${dayOf(iso)}, ${timeOfDay(iso)}`;

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

export function CustomerCard({ id }: { readonly id: string }) {
  const {
    data,
    error: latestError,
    loading,
    refetch,
  } = useQuery(CustomerCardDocument, { variables: { id } });
  const error = useLasting(latestError, loading);
  const customer = data?.customer;
  if (error !== undefined) {
    return <Notice error={error} onRetry={() => void refetch().catch(() => undefined)} />;
  }
  if (customer == null) {
    return (
      <div className="skeleton" aria-hidden="true">
        <span />
        <span />
        <span />
      </div>
    );
  }
  const name = customerName(customer);
  const tags = customer.tags ?? [];
  const facts: readonly (readonly [string, string | null])[] = [
    ['E-mail', customer.email],
    ['Phone', customer.phone],
    ['Company', customer.company],
    ['Location', placeOf(customer.location)],
    ['Last seen', momentOf(customer.lastSeen)],
    ['First seen', momentOf(customer.firstSeen)],
    ['User id', customer.userId],
  ];
  const own = Object.entries(customer.customData ?? {}).filter(([, value]) => value !== null);
  return (
    <>
      <div className="who-is-it">
        <Avatar name={name} seed={id} />
        <h2 dir="auto">{name}</h2>
      </div>
      {tags.length > 0 && (
        <ul className="tags" aria-label="Tags">
          {tags.map(({ name: tag, color }) => (
            <li key={tag}>
              <span className="dot" style={{ background: color ?? 'currentColor' }} />
              {tag}
            </li>
          ))}
        </ul>
      )}
      <dl>
        {facts
          .filter(([, value]) => value !== null)
          .map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd dir="auto">{value}</dd>
            </div>
          ))}
        {own.map(([key, value]) => (
          <div key={key}>
            <dt>{labelOf(key)}</dt>
            <dd dir="auto">{textOf(value)}</dd>
          </div>
        ))}
      </dl>
      {customer.notes !== null && (
        <section className="notes">
          <h3>Team notes</h3>
          <p dir="auto">{customer.notes}</p>
        </section>
      )}
    </>
  );
}
