/** Continues with a value: at once, unless it is a promise. Saves the promises of work that seldom waits. */
export function whenSettled<Value, Next>(
  value: Value | Promise<Value>,
  next: (value: Value) => Next | Promise<Next>,
): Next | Promise<Next> {
  return value instanceof Promise ? value.then(next) : next(value);
}
