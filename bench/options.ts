export interface BenchOptions {
  /** Whether the results go into the documentation. */
  readonly writesDocs: boolean;
}
