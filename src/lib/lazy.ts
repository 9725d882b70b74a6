/** Calls `create` on the first call only. */
export function once<Value extends object | string>(create: () => Value): () => Value {
  let value: Value | undefined;
  return () => (value ??= create());
}

/** Functions that create one property each from the same argument. */
type Factories<Parts, Argument> = {
  readonly [Name in keyof Parts]: (argument: Argument) => Parts[Name];
};

class LazyParts {
  readonly created: Record<string, unknown> = {};
  readonly #createArgument: () => unknown;
  #argument: unknown;

  constructor(createArgument: () => unknown) {
    this.#createArgument = createArgument;
  }

  get argument(): unknown {
    return (this.#argument ??= this.#createArgument());
  }
}

/** Creates objects whose properties, and the argument they are created from, are created on first access. */
export function createLazyObjectFactory<Parts extends object, Argument>(
  factories: Factories<Parts, Argument>,
): (createArgument: () => Argument) => Readonly<Parts>;
export function createLazyObjectFactory(
  factories: Readonly<Record<string, (argument: unknown) => unknown>>,
): (createArgument: () => unknown) => object {
  class Parts extends LazyParts {}
  for (const [name, create] of Object.entries(factories)) {
    Object.defineProperty(Parts.prototype, name, {
      get(this: Parts) {
        return (this.created[name] ??= create(this.argument));
      },
    });
  }
  return (createArgument) => new Parts(createArgument);
}
