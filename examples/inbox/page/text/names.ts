import { collator, t } from './index.ts';

interface MaybeNamed {
  readonly id: string;
  readonly name: string | null;
}

export const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  collator.compare(a.name, b.name);

/** Undefined if the text is blank too. */
function filled(text: string | null): string | undefined {
  const trimmed = text?.trim();
  return trimmed === '' ? undefined : trimmed;
}

export const agentName = ({ id, name }: MaybeNamed): string =>
  filled(name) ?? t.agentWithoutName(id);

export const assigneeName = (agent: MaybeNamed | null): string =>
  agent === null ? t.unassigned : agentName(agent);

export const customerName = (
  customer: (MaybeNamed & { readonly email: string | null }) | null,
): string =>
  customer === null
    ? t.deletedCustomer
    : (filled(customer.name) ?? filled(customer.email) ?? t.customerWithoutName(customer.id));
