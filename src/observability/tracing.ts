/** Must not contain ids, texts or names of people. */
type SpanAttributes = Readonly<Record<string, string | number>>;

interface SpanEnd {
  readonly name?: string;
  readonly attributes?: SpanAttributes;
  /** An error code or kind. */
  readonly failure?: string | undefined;
}

/** A trace span of a request. */
export interface Span {
  /** `call` is a request to another server. */
  child(kind: 'work' | 'call', name: string, attributes?: SpanAttributes): Span;
  /** Headers that propagate the trace context to another server. */
  headers(): Readonly<Record<string, string>>;
  /** Later calls have no effect. */
  end(ending?: SpanEnd): void;
}

export interface Tracing {
  /** The span of a request, which continues the trace of its headers. */
  request(
    name: string,
    headers: Readonly<Record<string, string | string[] | undefined>>,
    attributes: SpanAttributes,
  ): Span;
  /** Flushes pending spans. */
  close(): Promise<void>;
}
