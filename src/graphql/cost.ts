import type {
  DocumentNode,
  FieldNode,
  GraphQLObjectType,
  GraphQLSchema,
  OperationDefinitionNode,
} from 'graphql';
import { getNamedType, getOperationAST, isObjectType } from 'graphql';
import { maxMoreMessageReads } from '../support/sight.ts';
import type { Assumptions, Cost, FieldCost, IsCached, Kind, Named, Rule } from './costRules.ts';
import {
  batches,
  capped,
  createBill,
  entities,
  grouped,
  idOf,
  idsPerCall,
  kindToFetch,
  lengthOf,
  listOf,
  ownChatsCalls,
  pageLength,
  rules,
  textOf,
  typicalCase,
  worstCase,
} from './costRules.ts';
import type { CustomerViewer } from './context.ts';
import { createReader, defaultsOf, namesOf } from './costSelection.ts';
import type { Reader, Values } from './costSelection.ts';

export interface CostOptions {
  readonly schema: GraphQLSchema;
  readonly operationName?: string | null | undefined;
  /** As the client sent them. */
  readonly variables?: Values | undefined;
  readonly isCached?: IsCached | undefined;
  /** The customer who asks, if it is one: to know what is its own takes calls as well. */
  readonly customer?: CustomerViewer | undefined;
}

/** The things that one place of an operation yields, as far as their number matters. */
interface Things {
  readonly type: GraphQLObjectType;
  /** Equal where the things are the same ones. */
  readonly origin: string;
  readonly count: number;
  /** Equal where they come at the same moments, so that what is asked of them goes in the same batches. */
  readonly moment: string;
  /** At how many different moments they come. */
  readonly waves: number;
  /** The fields that are known without a fetch; undefined for all. */
  readonly carried: ReadonlySet<string> | undefined;
  /** Their ids, where the operation says them. */
  readonly ids?: readonly string[];
  /** Some may have to be fetched while others need not, and then come later. */
  readonly isMixed?: boolean;
  /** Of messages: the chats they are in. */
  readonly chats?: Things;
}

/** A place of the operation where a field is asked of things. */
interface Site {
  readonly path: string;
  readonly name: string;
  /** What the field gives; undefined for a plain value. */
  readonly type: GraphQLObjectType | undefined;
  readonly values: Values;
  readonly nodes: readonly FieldNode[];
}

/** A deeper operation has no price. */
const maxDepth = 100;

const nothing: ReadonlySet<string> = new Set();

interface Parts extends CostOptions {
  readonly reader: Reader;
  readonly bill: ReturnType<typeof createBill>;
  readonly assumptions: Assumptions;
}

/** What a reference by userId says of a customer without a fetch. */
const userIdAlone: ReadonlySet<string> = new Set(['__typename', 'userId']);

/** What each kind of field yields and charges, after its resolver. */
function createPricing(parts: Parts) {
  const { schema, reader, bill, assumptions, isCached = () => false, customer } = parts;
  const { isWorst } = assumptions;

  /** A customer must be known by the helpdesk's id before anything is given to it. */
  function identify(path: string): void {
    if (customer === undefined || customer.id !== undefined || !bill.isNew('viewer')) return;
    if (!isCached('customerByUserId', customer.userId)) bill.charge(path, 1);
  }

  function fetch(things: Things, kind: Kind, path: string): Things {
    const { origin, ids, count, moment, waves, isMixed = false } = things;
    const size = idsPerCall[kind];
    if (size === Infinity) {
      if (bill.isNew(kind) && !isCached(kind)) bill.charge(path, 1);
    } else if (bill.isNew(`${kind} of ${origin}`)) {
      const missing = ids?.filter((id) => bill.isNew(`${kind} ${id}`) && !isCached(kind, id));
      const demand = { count: missing?.length ?? count, waves, rows: 0 };
      bill.join(`${kind} ${moment}`, path, demand, (all) => batches(all, size));
    }
    return {
      ...things,
      carried: undefined,
      moment: `${moment}>${kind}`,
      waves: waves + (isMixed && isWorst ? 1 : 0),
    };
  }

  function byName({ path }: Site, { moment, waves }: Things, names: readonly Named[]) {
    return grouped(names).flatMap(({ type: name, kind, ids }): readonly [Things, Kind][] => {
      const type = schema.getType(name);
      if (!isObjectType(type)) return [];
      const origin = `${path} ${name} ${kind}`;
      return [[{ type, origin, ids, count: ids.length, moment, waves, carried: nothing }, kind]];
    });
  }

  /** Fills a connection. `charge` is called unless nothing is asked of it, or the same was asked before. */
  function connection(
    made: Things,
    { type, nodes, values }: Site,
    charge: (isRead: boolean, rows: number) => void,
  ): Things {
    const names = new Set(type && namesOf(reader.fieldsOf(type, nodes)));
    const isRead = names.has('nodes') || names.has('edges') || names.has('pageInfo');
    const wanted = [isRead, names.has('totalCount'), names.has('pageInfo')];
    const length = pageLength(values);
    if (wanted.includes(true) && bill.isNew(`${made.origin} ${wanted.join()}`)) {
      const isWhole = names.has('totalCount') || typeof values['after'] === 'string';
      charge(isRead, isWhole ? Infinity : length + (names.has('pageInfo') ? 1 : 0));
    }
    return { ...made, count: capped(made.count * length) };
  }

  /** What a field with a rule yields. */
  function give(parent: Things, rule: Rule, site: Site): readonly Things[] {
    const { path, name, type, values } = site;
    if (rule.how === 'named') {
      const names = listOf(values[rule.argument]).flatMap(rule.read);
      return byName(site, parent, names).map(([things, kind]) => {
        // Whose a chat is, its key does not say.
        const isOwn = customer !== undefined && (kind === 'chat' || kind === 'customerByUserId');
        if (!rule.isPart || isOwn) return fetch(things, kind, path);
        if (kind !== 'customerByUserId') return things;
        const asked = namesOf(reader.fieldsOf(things.type, site.nodes));
        return asked.every((field) => userIdAlone.has(field))
          ? { ...things, carried: userIdAlone }
          : fetch(things, kind, path);
      });
    }
    if (type === undefined) return [];
    const { moment, waves, count } = parent;
    const origin = `${parent.origin}.${name}`;
    const made: Things = { type, origin, count, moment, waves, carried: undefined };
    const list = `${origin} ${textOf(values)}`;
    const listed = { ...made, origin: list, moment: list };
    switch (rule.how) {
      case 'whole':
        return [fetch({ ...made, count: lengthOf(assumptions, rule.length) }, rule.kind, path)];
      case 'lookUp': {
        const id = idOf(values[rule.argument]);
        return [fetch({ ...made, origin: `${rule.kind} ${id}`, ids: [id] }, rule.kind, path)];
      }
      case 'write': {
        const id = idOf(values['id']);
        if (customer !== undefined) {
          fetch({ ...made, origin: `chat ${id}`, ids: [id], carried: nothing }, 'chat', path);
        }
        bill.charge(path, 1);
        bill.isNew(`chat ${id}`);
        return [{ ...made, origin: path, moment: path }];
      }
      case 'page':
        return [
          connection(listed, site, (isRead) => {
            const isFromEnd = isRead && typeof values['last'] === 'number';
            bill.charge(path, isWorst && isFromEnd && typeof values['before'] !== 'string' ? 2 : 1);
          }),
        ];
      case 'messages':
        return [
          connection({ ...listed, waves: count, chats: parent }, site, () => {
            const isMore = isWorst && customer !== undefined && bill.isNew('more messages');
            bill.charge(path, count + (isMore ? maxMoreMessageReads : 0));
          }),
        ];
      case 'ownChats': {
        const batch = `${moment}>${parent.type.name} ${JSON.stringify(values['orderBy'])}`;
        return [
          connection({ ...listed, moment: batch }, site, (_isRead, rows) => {
            bill.join(batch, path, { count, waves, rows }, (all) =>
              ownChatsCalls(all, assumptions),
            );
          }),
        ];
      }
      case 'received': {
        const chat = schema.getType('Chat');
        if (!isObjectType(chat)) return [made];
        return [
          { ...made, chats: { ...made, type: chat, origin: `${origin}.chat`, carried: nothing } },
        ];
      }
      case 'chatAbove':
        return parent.chats === undefined ? [] : [{ ...parent.chats, moment, waves }];
      case 'part': {
        const { carries, length, mayLack = false } = rule;
        const atMost = entities.get(type.name)?.atMost;
        const most = atMost ? assumptions[atMost] : Infinity;
        return [
          {
            ...made,
            count: Math.min(capped(count * lengthOf(assumptions, length)), most),
            carried: mayLack && isWorst ? nothing : new Set(carries),
            isMixed: mayLack,
          },
        ];
      }
    }
  }

  /** What a field without a rule yields is carried by the parent. */
  const follow = (parent: Things, site: Site): readonly Things[] => {
    const rule = rules.get(`${parent.type.name}.${site.name}`);
    if (rule !== undefined) return give(parent, rule, site);
    return site.type === undefined ? [] : [{ ...parent, type: site.type, carried: undefined }];
  };

  return { fetch, follow, identify };
}

/** What the operation's fields cost by themselves; undefined for one too large. */
function fieldCosts(
  operation: OperationDefinitionNode,
  document: DocumentNode,
  options: CostOptions,
  assumptions: Assumptions,
): readonly FieldCost[] | undefined {
  const { schema, variables } = options;
  const reader = createReader(document, schema, { ...defaultsOf(operation), ...variables });
  const bill = createBill();
  const { fetch, follow, identify } = createPricing({ ...options, reader, bill, assumptions });

  /** Whether the size allowed for a walk to the end. */
  function walk(
    things: Things,
    nodes: readonly (FieldNode | OperationDefinitionNode)[],
    path: readonly string[],
  ): boolean {
    const fields = reader.fieldsOf(things.type, nodes);
    const kind = kindToFetch(things.type.name, things.carried, namesOf(fields));
    const whole = kind === undefined ? things : fetch(things, kind, path.join('.'));
    for (const [key, group] of fields) {
      if (reader.isSpent() || path.length > maxDepth) return false;
      const [field] = group;
      const definition = field && things.type.getFields()[field.name.value];
      if (field === undefined || definition === undefined) continue;
      const named = getNamedType(definition.type);
      const at = [...path, key];
      const site = {
        path: at.join('.'),
        name: field.name.value,
        type: isObjectType(named) ? named : undefined,
        values: reader.valuesOf(field),
        nodes: group,
      };
      if (!follow(whole, site).every((child) => walk(child, group, at))) return false;
    }
    return !reader.isSpent();
  }

  const type = schema.getRootType(operation.operation);
  if (!isObjectType(type)) return [];
  const [first] = reader.fieldsOf(type, [operation]).keys();
  if (first !== undefined) identify(first);
  const root = { type, origin: '', count: 1, moment: '', waves: 1, carried: undefined };
  return walk(root, [operation], []) ? bill.fields() : undefined;
}

const sum = (fields: readonly FieldCost[] | undefined): number =>
  fields === undefined ? Infinity : fields.reduce((calls, field) => capped(calls + field.calls), 0);

/** The calls an operation causes when nothing is known of the helpdesk but what `isCached` says. */
export function costOf(document: DocumentNode, options: CostOptions): Cost {
  const operation = getOperationAST(document, options.operationName);
  if (!operation) return { worst: 0, typical: 0, fields: [] };
  const worst = fieldCosts(operation, document, options, worstCase);
  return {
    worst: sum(worst),
    // Whoever only wants to know the worst does not pay for it.
    get typical() {
      return sum(fieldCosts(operation, document, options, typicalCase));
    },
    fields: worst ?? [],
  };
}
