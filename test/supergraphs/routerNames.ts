/** The routers that the cases are run through. */
export const routerNames = [
  'Apollo Gateway',
  'Hive Gateway',
  'Hive Router planner',
  'Grafbase',
] as const;

export type RouterName = (typeof routerNames)[number];
