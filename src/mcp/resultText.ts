import { isDictionary } from '../lib/shape.ts';
import type { ResultShape } from './resultShape.ts';
import { cursorsKey, pageInfoKey } from './pages.ts';
import type { TextMarker } from './text.ts';

type Fields = ReadonlyMap<string, ResultShape>;
type DataObject = Readonly<Record<string, unknown>>;

export interface TextLimits {
  /** The longest text that is shown in full. */
  readonly maxText: number;
  /** The items of the list that the operation's cursor continues. */
  readonly maxPageItems: number;
  /** The items of every other list. */
  readonly maxListItems: number;
}

/** Texts that are previews: the whole is available elsewhere. */
const maxPreviewCharacters = 200;
const previewFields: ReadonlySet<string> = new Set(['Chat.lastMessageText']);

/** HelpCrunch returns the newest messages first; a conversation is read from its beginning. */
const isTranscript = ({ typename }: ResultShape): boolean => typename === 'ChatMessageConnection';

const plainId = /^[\w=+/:.-]{1,200}$/;

const fieldOf = (fields: Fields, ending: RegExp) =>
  [...fields].find(([, { coordinate }]) => ending.test(coordinate));

interface ListedItems {
  readonly items: readonly unknown[];
  readonly fields: Fields;
  readonly total: unknown;
}

/** The items of a connection, however the operation selects them; undefined for anything else. */
function itemsOf(value: DataObject, { typename, fields }: ResultShape): ListedItems | undefined {
  if (!typename.endsWith('Connection')) return undefined;
  const [totalKey = ''] = fieldOf(fields, /Connection\.totalCount$/) ?? [];
  const total = value[totalKey];
  const [nodesKey, nodes] = fieldOf(fields, /Connection\.nodes$/) ?? [];
  const listed = nodesKey === undefined ? undefined : value[nodesKey];
  if (nodes && Array.isArray(listed)) return { items: listed, fields: nodes.fields, total };
  const [edgesKey, edges] = fieldOf(fields, /Connection\.edges$/) ?? [];
  const [nodeKey, node] = fieldOf(edges?.fields ?? new Map(), /Edge\.node$/) ?? [];
  const listedEdges = edgesKey === undefined ? undefined : value[edgesKey];
  if (node === undefined || nodeKey === undefined || !Array.isArray(listedEdges)) return undefined;
  const items = listedEdges.map((edge: unknown) => (isDictionary(edge) ? edge[nodeKey] : null));
  return { items, fields: node.fields, total };
}

interface LineStart {
  readonly prefix: string;
  readonly indent: string;
}

interface ListField {
  readonly key: string;
  readonly value: unknown;
  readonly shape: ResultShape;
}

/** Writes a result as compact text: one line per object, without nulls. */
export class ResultTextWriter {
  readonly #marker: TextMarker;
  readonly #limits: TextLimits;
  readonly #lines: string[] = [];

  constructor(marker: TextMarker, limits: TextLimits) {
    this.#marker = marker;
    this.#limits = limits;
  }

  write(data: DataObject, fields: Fields): string {
    for (const [key, shape] of fields) this.#writeRootField(key, data[key], shape);
    return this.#lines.join('\n');
  }

  #writeRootField(key: string, value: unknown, shape: ResultShape): void {
    const inline = this.#inline(value, shape);
    if (value === null || value === undefined) this.#lines.push(`${key}: null`);
    else if (inline !== undefined) this.#lines.push(`${key}: ${inline}`);
    else if (isDictionary(value) && itemsOf(value, shape) === undefined) {
      this.#writeObject(value, shape.fields, { prefix: `${key}: `, indent: '' });
    } else this.#writeList({ key, value, shape }, '');
  }

  /** An object's values in one line, and its lists in further lines. */
  #writeObject(value: DataObject, fields: Fields, { prefix, indent }: LineStart): void {
    const values: string[] = [];
    const lists: ListField[] = [];
    for (const [key, shape] of fields) {
      const inner = value[key];
      if (inner === null || inner === undefined) continue;
      const inline = this.#inline(inner, shape);
      if (inline === undefined) lists.push({ key, value: inner, shape });
      else if (inline !== '') values.push(`${key}: ${inline}`);
    }
    this.#lines.push(`${indent}${prefix}${values.join(', ')}`.trimEnd());
    const deeper = `${indent}  `;
    for (const list of lists) {
      const { key, value: inner, shape } = list;
      if (isDictionary(inner) && itemsOf(inner, shape) === undefined) {
        this.#writeObject(inner, shape.fields, { prefix: `${key}: `, indent: deeper });
      } else this.#writeList(list, deeper);
    }
  }

  #writeList({ key, value, shape }: ListField, indent: string): void {
    const connection = isDictionary(value) ? itemsOf(value, shape) : undefined;
    const { items, fields, total } = connection ?? {
      items: Array.isArray(value) ? value : [],
      fields: shape.fields,
      total: undefined,
    };
    const isPage = isDictionary(value) && pageInfoKey in value;
    const { maxPageItems, maxListItems } = this.#limits;
    const shown = items.slice(0, isPage ? maxPageItems : maxListItems);
    const notes = [
      ...(typeof total === 'number' ? [`${total} in total`] : []),
      ...(shown.length < items.length && !isPage
        ? [`${items.length - shown.length} of ${items.length} not shown`]
        : []),
      ...(isTranscript(shape) ? ['oldest first'] : []),
      ...(items.length === 0 ? ['none'] : []),
    ];
    this.#lines.push(`${indent}${key}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}:`);
    for (const item of isTranscript(shape) ? shown.toReversed() : shown) {
      if (isDictionary(item)) this.#writeObject(item, fields, { prefix: '- ', indent });
      else this.#lines.push(`${indent}- ${this.#inline(item, { ...shape, fields }) ?? ''}`);
    }
  }

  /** The value in one line; undefined if it contains lists of objects, empty if there is nothing to show. */
  #inline(value: unknown, shape: ResultShape): string | undefined {
    if (value === null || value === undefined) return 'null';
    if (Array.isArray(value)) return this.#inlineList(value, shape);
    if (shape.leaf !== undefined) return this.#leaf(value, shape);
    if (!isDictionary(value) || itemsOf(value, shape) !== undefined) return undefined;
    const parts: string[] = [];
    for (const [key, inner] of shape.fields) {
      if (value[key] === null || value[key] === undefined) continue;
      const text = this.#inline(value[key], inner);
      if (text === undefined) return undefined;
      if (text !== '') parts.push(`${key}: ${text}`);
    }
    return parts.length === 0 ? '' : `{${parts.join(', ')}}`;
  }

  #inlineList(items: readonly unknown[], shape: ResultShape): string | undefined {
    const [only, ...others] = shape.fields;
    const isSimple = shape.leaf !== undefined || others.length === 0;
    if (!isSimple) return undefined;
    if (only?.[1].leaf === undefined && shape.leaf === undefined) return undefined;
    const { maxListItems } = this.#limits;
    const texts = items.slice(0, maxListItems).map((item) => {
      const [value, inner] =
        only !== undefined && isDictionary(item) && shape.leaf === undefined
          ? [item[only[0]], only[1]]
          : [item, shape];
      return value === null || value === undefined ? 'null' : this.#leaf(value, inner);
    });
    const more = items.length - texts.length;
    return texts.length === 0
      ? ''
      : `[${texts.join('; ')}${more > 0 ? `; ${more} not shown` : ''}]`;
  }

  #leaf(value: unknown, { leaf, coordinate }: ResultShape): string {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (leaf === 'time') return text.replace('.000Z', 'Z');
    if (leaf === 'id' && plainId.test(text)) return text;
    if (leaf === 'safe') return typeof value === 'string' ? this.#safe(text) : text;
    if (text === '' || text === '{}') return '';
    const { maxText } = this.#limits;
    const most = previewFields.has(coordinate) ? Math.min(maxText, maxPreviewCharacters) : maxText;
    return this.#marker.mark(text, most);
  }

  /** Enum values as they are, names in quotes. */
  #safe(text: string): string {
    return /^[A-Z_]+$/.test(text) ? text : JSON.stringify(text.slice(0, this.#limits.maxText));
  }
}

export interface ListedPage {
  readonly count: number;
  /** The cursor of each item. */
  readonly cursors: readonly string[];
  readonly hasMore: boolean;
  readonly isTranscript: boolean;
}

/** The list that the operation's cursor continues; undefined if the result has none, or several. */
export function pageOf(data: DataObject, fields: Fields): ListedPage | undefined {
  const pages: ListedPage[] = [];
  const visit = (value: unknown, shape: ResultShape): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, shape);
    if (!isDictionary(value)) return;
    const page = value[pageInfoKey];
    const edges = value[cursorsKey];
    if (isDictionary(page) && Array.isArray(edges)) {
      const cursors = edges.map((edge: unknown) =>
        isDictionary(edge) && typeof edge['cursor'] === 'string' ? edge['cursor'] : '',
      );
      pages.push({
        count: cursors.length,
        cursors,
        hasMore: page['hasNextPage'] === true,
        isTranscript: isTranscript(shape),
      });
    }
    for (const [key, inner] of shape.fields) visit(value[key], inner);
  };
  for (const [key, shape] of fields) visit(data[key], shape);
  return pages.length === 1 ? pages[0] : undefined;
}
