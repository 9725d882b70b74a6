const factor = Number(process.env['PROPERTY_RUNS'] ?? 1);

/** The same in every run of the tests, which therefore check the same cases, unless PROPERTY_SEED is set. */
export const propertySeed = Number(process.env['PROPERTY_SEED'] ?? 20_260_115);

/** How often a property is checked: `count` times, multiplied by the variable PROPERTY_RUNS. */
export const propertyRuns = (count: number): number => Math.max(1, Math.round(count * factor));

/** What fast-check gets for a property that is checked `count` times. */
export const propertyParameters = (count: number) => ({
  numRuns: propertyRuns(count),
  seed: propertySeed,
});
