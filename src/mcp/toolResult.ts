import type { GraphQLFormattedError } from 'graphql';
import { isDictionary } from '../lib/shape.ts';
import { cursorsKey, pageInfoKey } from './pages.ts';
import type { ListedPage, TextLimits } from './resultText.ts';
import { pageOf, ResultTextWriter } from './resultText.ts';
import { maxResultCharacters, TextMarker } from './text.ts';
import { describeErrors } from './toolErrors.ts';
import type { Tool } from './tools.ts';

/** The data and errors of an operation. */
export interface ToolOutcome {
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  readonly errors?: readonly GraphQLFormattedError[] | undefined;
}

/** What an agent receives. */
export interface ToolResult {
  readonly text: string;
  readonly isError: boolean;
  /** The data as JSON, if nothing of it is text of others and it fits beside the text. */
  readonly structured?: Readonly<Record<string, unknown>> | undefined;
}

const smallestLimits = { maxText: 20, maxListItems: 5 };

/** Tried in this order until the result fits. The items of the continued list are reduced first. */
const textLimits: readonly Omit<TextLimits, 'maxPageItems'>[] = [
  { maxText: 6_000, maxListItems: Infinity },
  { maxText: 6_000, maxListItems: 100 },
  { maxText: 1_000, maxListItems: 100 },
  { maxText: 200, maxListItems: 50 },
  { maxText: 60, maxListItems: 20 },
  smallestLimits,
];

/** For the line that continues a list, and line breaks. */
const footerCharacters = 500;

function withoutPages(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPages);
  if (!isDictionary(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== cursorsKey && key !== pageInfoKey)
      .map(([key, inner]) => [key, withoutPages(inner)]),
  );
}

/** How the agent continues the list after `shown` items; undefined at the end of the list. */
function continuationOf(tool: Tool, page: ListedPage | undefined, shown: number) {
  if (page === undefined || tool.cursorVariable === undefined) return undefined;
  const cursor = page.cursors[shown - 1];
  const isEnd = shown >= page.count && !page.hasMore;
  if (isEnd || cursor === undefined) return undefined;
  const what = page.isTranscript ? 'Older messages' : 'More';
  return `${what}: call ${tool.name} again with the same arguments and ${tool.cursorVariable}: ${JSON.stringify(cursor)}`;
}

class DataText {
  readonly #tool: Tool;
  readonly #data: Readonly<Record<string, unknown>>;
  readonly #page: ListedPage | undefined;
  readonly #marker: TextMarker;
  readonly #maxCharacters: number;

  constructor(tool: Tool, data: Readonly<Record<string, unknown>>, maxCharacters: number) {
    this.#tool = tool;
    this.#data = data;
    this.#page = pageOf(data, tool.fields);
    this.#marker = new TextMarker(JSON.stringify(data));
    this.#maxCharacters = maxCharacters - this.#marker.notice.length - footerCharacters;
  }

  /** The text of the data with as many items as fit. */
  fit(): { readonly text: string; readonly hasText: boolean; readonly isWhole: boolean } {
    const count = this.#page?.count ?? 0;
    for (const limits of textLimits) {
      const whole = this.#render({ ...limits, maxPageItems: count });
      const isFirst = limits === textLimits[0];
      if (whole !== undefined) return this.#finish(whole, count, isFirst);
      const most = this.#mostItems(limits, count);
      const part = most === 0 ? undefined : this.#render({ ...limits, maxPageItems: most });
      if (part !== undefined) return this.#finish(part, most, false);
    }
    const shortest = this.#write({ ...smallestLimits, maxPageItems: 1 });
    const cut = shortest.slice(0, this.#maxCharacters);
    return this.#finish(`${cut}\n[cut: the result is too long]`, Math.min(1, count), false);
  }

  /** The most items of the continued list that fit; 0 if not even one does. */
  #mostItems(limits: Omit<TextLimits, 'maxPageItems'>, count: number): number {
    let fits = 0;
    let tooMany = count;
    while (tooMany - fits > 1) {
      const tried = Math.floor((fits + tooMany) / 2);
      if (this.#render({ ...limits, maxPageItems: tried }) === undefined) tooMany = tried;
      else fits = tried;
    }
    return fits;
  }

  #write(limits: TextLimits): string {
    return new ResultTextWriter(this.#marker, limits).write(this.#data, this.#tool.fields);
  }

  #render(limits: TextLimits): string | undefined {
    const text = this.#write(limits);
    return text.length <= this.#maxCharacters ? text : undefined;
  }

  #finish(body: string, shown: number, isWhole: boolean) {
    const { isUsed, notice } = this.#marker;
    const continuation = continuationOf(this.#tool, this.#page, shown);
    const lines = [...(isUsed ? [notice] : []), body, ...(continuation ? [continuation] : [])];
    return {
      text: lines.join('\n'),
      hasText: isUsed,
      isWhole: isWhole && continuation === undefined,
    };
  }
}

/** The result of an operation as an agent reads it, within the token limit. */
export function toToolResult(tool: Tool, { data, errors = [] }: ToolOutcome): ToolResult {
  const problems = errors.length === 0 ? '' : describeErrors(errors, tool);
  const hasData = isDictionary(data) && Object.values(data).some((value) => value !== null);
  if (!hasData && problems !== '') return { text: problems, isError: true };
  if (!isDictionary(data)) return { text: 'The result is empty.', isError: true };
  const { text, hasText, isWhole } = new DataText(
    tool,
    data,
    maxResultCharacters - problems.length - 1,
  ).fit();
  if (problems !== '') return { text: `${text}\nMissing:\n${problems}`, isError: false };
  const structured = hasText || !isWhole ? undefined : withoutPages(data);
  const isFitting = text.length + JSON.stringify(structured ?? '').length <= maxResultCharacters;
  return isDictionary(structured) && isFitting
    ? { text, isError: false, structured }
    : { text, isError: false };
}
