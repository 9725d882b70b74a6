import { switches, webhookSwitches, type BehaviourChange, type SwitchTable } from './behaviour.ts';
import { isFields } from './validate.ts';

/** The value of a switch from its JSON value or its text. Throws for a value that it does not have. */
export function readSwitch<Value>(name: string, values: readonly Value[], given: unknown): Value {
  const text = ['string', 'number', 'boolean'].includes(typeof given) ? String(given) : undefined;
  for (const value of values) if (String(value) === text) return value;
  throw new TypeError(`${name} must be one of ${values.join(', ')}, not ${JSON.stringify(given)}.`);
}

function readSwitches<Table extends SwitchTable>(
  table: Table,
  given: Readonly<Record<string, unknown>>,
  path?: string,
): { readonly [Name in keyof Table]?: Table[Name]['values'][number] };
function readSwitches(
  table: SwitchTable,
  given: Readonly<Record<string, unknown>>,
  path = '',
): object {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const known = Object.hasOwn(table, name) ? table[name] : undefined;
      if (known === undefined) throw new TypeError(`${path}${name} is not a switch.`);
      return [name, readSwitch(path + name, known.values, value)];
    }),
  );
}

/** A change of switches from JSON, those of webhooks under `webhooks`. Throws a `TypeError` for anything else. */
export function switchesFromJson(value: unknown): BehaviourChange {
  if (!isFields(value)) throw new TypeError('The body must be a JSON object of switches.');
  const { webhooks = {}, ...own } = value;
  if (!isFields(webhooks)) throw new TypeError('webhooks must be an object of switches.');
  return {
    ...readSwitches(switches, own),
    webhooks: readSwitches(webhookSwitches, webhooks, 'webhooks.'),
  };
}
