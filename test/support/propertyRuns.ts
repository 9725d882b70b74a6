const factor = Number(process.env['PROPERTY_RUNS'] ?? 1);

/** How often a property is checked: `count` times, multiplied by the variable PROPERTY_RUNS. */
export const propertyRuns = (count: number): number => Math.max(1, Math.round(count * factor));
