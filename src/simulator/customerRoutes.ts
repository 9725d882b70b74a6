import {
  isScalar,
  validateCustomerInput,
  validateTags,
  refuseUnregistered,
} from './customerInput.ts';
import type { CustomerInput } from './customerDesk.ts';
import type { Scalar } from './entities.ts';
import { badRequest } from './refusal.ts';
import type { Route, RouteContext } from './routes.ts';
import { search } from './search.ts';
import { customerRules } from './searchRules.ts';
import {
  createProblems,
  fieldsOf,
  isFields,
  validateFilledText,
  validateInteger,
  type Fields,
  type ValidationErrors,
  type FieldValidator,
} from './validate.ts';

const maxBatch = 10;

/** Customers, their tags and their events. */
export function createCustomerRoutes(context: RouteContext): readonly Route[] {
  return [...createCustomerReads(context), ...createCustomerWrites(context)];
}

function createCustomerReads({
  account: { store },
  wire,
  behaviour,
}: RouteContext): readonly Route[] {
  const list = (fields: Fields) => {
    const page = search(store.customers.values(), {
      fields,
      rules: customerRules,
      behaviour: behaviour(),
    });
    return { data: page.rows.map((customer) => wire.customer(customer)), total: page.total };
  };
  // Searches have the total in both places: clients read either.
  const searched = (fields: Fields) => {
    const page = list(fields);
    return { ...page, meta: { total: page.total } };
  };

  return [
    {
      method: 'GET',
      template: '/customers',
      handle: ({ query }) => list({ ...query, filter: null }),
    },
    {
      method: 'POST',
      template: '/customers/search',
      handle: ({ body }) => searched(fieldsOf(body)),
    },
    {
      method: 'GET',
      template: '/customers/{customerId}',
      handle: ({ id }) => wire.customer(store.customer(id)),
    },
  ];
}

function createCustomerWrites({ account, wire, behaviour }: RouteContext): readonly Route[] {
  const { store, customers } = account;
  const readInput = (problems: ValidationErrors, fields: Fields, at = ''): CustomerInput => {
    const input = validateCustomerInput(problems, fields, at);
    if (behaviour().unregisteredAttributes === 'reject') refuseUnregistered(problems, input, at);
    return input;
  };
  const inputOf = (body: unknown): CustomerInput => {
    const problems = createProblems();
    const input = readInput(problems, fieldsOf(body));
    problems.check();
    return input;
  };
  return [
    {
      method: 'POST',
      template: '/customers',
      creates: true,
      handle: ({ body }) => wire.customer(customers.create(inputOf(body))),
    },
    {
      method: 'PUT',
      template: '/customers/batch',
      handle({ body }) {
        const updates = updatesOf(body, readInput);
        // Reject unknown ids before any customer changes.
        for (const { id } of updates) store.customer(id);
        return updates.map(({ id, input }) => wire.customer(customers.replace(id, input)));
      },
    },
    {
      method: 'PUT',
      template: '/customers/{customerId}',
      handle: ({ id, body }) => wire.customer(customers.replace(id, inputOf(body))),
    },
    {
      method: 'PATCH',
      template: '/customers/{customerId}',
      handle: ({ id, body }) => wire.customer(customers.patch(id, inputOf(body))),
    },
    {
      method: 'DELETE',
      template: '/customers/{customerId}',
      handle({ id }) {
        customers.remove(id);
        return 'Ok';
      },
    },
    {
      method: 'PUT',
      template: '/customers/{customerId}/tags',
      handle: ({ id, body }) => wire.customer(customers.addTags(id, tagsOf(body))),
    },
    {
      method: 'DELETE',
      template: '/customers/{customerId}/tags',
      handle({ id, body }) {
        const names = tagsOf(body).map(({ name }) => name);
        return wire.customer(customers.removeTags(id, names));
      },
    },
    {
      method: 'POST',
      template: '/events',
      handle({ body }) {
        const { customer, name, data } = fieldsOf(body);
        const problems = createProblems();
        const event = {
          customerId: validateInteger(problems, 'customer', customer),
          name: validateFilledText(problems, 'name', name),
          data: validateEventData(problems, 'data', data),
        };
        problems.check();
        return wire.event(customers.record(event));
      },
    },
  ];
}

type InputReader = (problems: ValidationErrors, fields: Fields, at: string) => CustomerInput;

function updatesOf(body: unknown, readInput: InputReader) {
  if (!Array.isArray(body) || body.length === 0 || body.length > maxBatch) {
    const message = `This collection should contain 1 to ${maxBatch} elements.`;
    throw badRequest([{ code: 'body', message }]);
  }
  const problems = createProblems();
  const updates = body.map((item: unknown, place) => {
    const fields = isFields(item) ? item : {};
    const at = `[${place}].`;
    return {
      id: validateInteger(problems, `${at}customer`, fields['customer']),
      input: readInput(problems, fields, at),
    };
  });
  problems.check();
  return updates;
}

function tagsOf(body: unknown) {
  const problems = createProblems();
  const { tags: given } = fieldsOf(body);
  const tags = validateTags(problems, 'tags', given);
  if (Array.isArray(given) && tags.length === 0) {
    problems.add('tags', 'This collection should contain 1 element or more.');
  }
  problems.check();
  return tags;
}

const validateEventData: FieldValidator<Readonly<Record<string, Scalar>>> = (
  problems,
  path,
  value = {},
) => {
  const data: Record<string, Scalar> = {};
  if (!isFields(value)) problems.add(path, 'This value should be of type object.');
  else {
    for (const [name, held] of Object.entries(value)) {
      if (isScalar(held)) data[name] = held;
      else problems.add(`${path}.${name}`, 'This value should be of type scalar.');
    }
  }
  return data;
};
