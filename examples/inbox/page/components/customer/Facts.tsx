import type { ReactNode } from 'react';
import { useState } from 'react';
import { customValue } from '../../text/customValue.ts';
import { moment } from '../../text/dates.ts';
import { locale, t } from '../../text/index.ts';
import { labelOf } from '../../text/labels.ts';
import { Icon } from '../Icon.tsx';
import type { CustomerDetails } from './CustomerCard.tsx';

const countryNames = new Intl.DisplayNames(locale, { type: 'region' });

function placeOf(location: CustomerDetails['location']): string | null {
  const { city, countryCode } = location ?? {};
  const isCountry = /^[A-Za-z]{2}$/.test(countryCode ?? '');
  const country = isCountry ? countryNames.of((countryCode ?? '').toUpperCase()) : null;
  const parts = [city, country].filter((part) => part != null);
  return parts.length === 0 ? null : parts.join(', ');
}

/** Long addresses break before "@" and after ".", never inside a word. */
const breakable = (address: string): ReactNode[] =>
  address
    .split(/(?=@)|(?<=\.)/)
    .flatMap((part, index) => [...(index === 0 ? [] : [<wbr key={index} />]), part]);

/** It is missing in pages that are neither local nor loaded with HTTPS. */
const isClipboardAvailable = 'clipboard' in navigator;

function CopyButton({ label, value }: { readonly label: string; readonly value: string }) {
  const [isCopied, setIsCopied] = useState(false);
  async function copy(): Promise<void> {
    await navigator.clipboard.writeText(value);
    setIsCopied(true);
    setTimeout(() => setIsCopied(false), 2_000);
  }
  return (
    <button
      type="button"
      className="square quiet copy"
      aria-label={t.copy(label)}
      onClick={() => void copy()}
    >
      <Icon name={isCopied ? 'check' : 'copy'} />
      <span className="unseen" role="status">
        {isCopied && t.copied}
      </span>
    </button>
  );
}

interface FactProperties {
  readonly label: string;
  readonly value: string | null;
  readonly href?: string;
  readonly canCopy?: boolean;
}

function Fact({ label, value, href, canCopy = false }: FactProperties) {
  if (value === null) return null;
  return (
    <div>
      <dt>{label}</dt>
      <dd dir="auto">
        {href === undefined ? <span>{value}</span> : <a href={href}>{breakable(value)}</a>}
        {canCopy && isClipboardAvailable && <CopyButton label={label} value={value} />}
      </dd>
    </div>
  );
}

const timeOf = (iso: string | null): string | null => (iso === null ? null : moment(iso));

export function Facts({ customer }: { readonly customer: CustomerDetails }) {
  const { email, phone, company, location, lastSeen, firstSeen, userId, customData } = customer;
  const custom = Object.entries(customData ?? {}).filter(([, value]) => value !== null);
  return (
    <dl className="facts-list">
      <Fact
        label={t.email}
        value={email}
        href={`mailto:${encodeURIComponent(email ?? '').replace('%40', '@')}`}
        canCopy
      />
      <Fact label={t.phone} value={phone} href={`tel:${phone ?? ''}`} canCopy />
      <Fact label={t.company} value={company} />
      <Fact label={t.location} value={placeOf(location)} />
      <Fact label={t.lastSeen} value={timeOf(lastSeen)} />
      <Fact label={t.firstSeen} value={timeOf(firstSeen)} />
      <Fact label={t.userId} value={userId} canCopy />
      {custom.map(([key, value]) => (
        <Fact key={key} label={labelOf(key)} value={customValue(key, value)} />
      ))}
    </dl>
  );
}
