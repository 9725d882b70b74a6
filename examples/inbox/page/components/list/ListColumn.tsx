import type { Address } from '../../state/address.ts';
import { hasFilters } from '../../state/address.ts';
import { t } from '../../text/index.ts';
import { ChatList } from './ChatList.tsx';
import { CustomerHeading, CustomerResults } from './CustomerResults.tsx';
import { Filters } from './Filters.tsx';
import { SearchField } from './SearchField.tsx';
import { Unfinished } from './Unfinished.tsx';

/** Customer search, filters and the list of chats. */
export function ListColumn({ address }: { readonly address: Address }) {
  const { search, customerId } = address;
  const isSearch = search !== undefined && customerId === undefined;
  return (
    <section className="list" aria-label={t.chats}>
      <SearchField address={address} />
      {customerId !== undefined && <CustomerHeading id={customerId} address={address} />}
      {!isSearch && hasFilters(address) && <Filters address={address} />}
      {isSearch ? (
        <CustomerResults text={search} address={address} />
      ) : (
        <ChatList address={address} />
      )}
      <Unfinished address={address} />
    </section>
  );
}
