/** What is known of a span. Never an id, a text or a name of anybody. */
export type SpanAttributes = Readonly<Record<string, string | number>>;

export interface SpanEnd {
  readonly name?: string;
  readonly attributes?: SpanAttributes;
  /** The code or kind of what went wrong. */
  readonly failure?: string | undefined;
}

/** One part of the work on a request, as an operator's tracing tool shows it. */
export interface Span {
  /** A part of this part; a call is one that another server carries out. */
  child(kind: 'work' | 'call', name: string, attributes?: SpanAttributes): Span;
  /** What the other server must be told, so that its own spans hang on this one. */
  headers(): Readonly<Record<string, string>>;
  /** The first time counts. */
  end(ending?: SpanEnd): void;
}

export interface Tracing {
  /** A request, with the trace that its sender may have begun. */
  request(
    name: string,
    headers: Readonly<Record<string, string | string[] | undefined>>,
    attributes: SpanAttributes,
  ): Span;
  /** Sends what was not sent yet. */
  close(): Promise<void>;
}
