import type { z } from 'zod';

interface SettingOptions {
  /** What the setting does, with its unit and the meaning of 0. */
  readonly description: string;
  /** The default as text, where it depends on other settings. */
  readonly defaultText?: string;
  /** The value is never shown. */
  readonly isSecret?: boolean;
  /** The name in earlier versions. It is rejected. */
  readonly formerName?: string;
  /** How the former values map to the new ones, where they differ. */
  readonly formerValues?: string;
}

export interface SettingDeclaration<
  Name extends string = string,
  Value = unknown,
> extends SettingOptions {
  readonly name: Name;
  /** Parses the text of the variable; its description states the valid values. */
  readonly schema: z.ZodType<unknown, string>;
  readonly default: Value | undefined;
}

/** The declaration of an environment variable. */
class Setting<Name extends string = string, Value = unknown> {
  readonly declaration: SettingDeclaration<Name, Value>;

  constructor(declaration: SettingDeclaration<Name, Value>) {
    this.declaration = declaration;
  }
}

/** Declares a variable. The schema parses its text; the default is the parsed value of an unset variable. */
export function setting<const Name extends string, Value>(
  name: Name,
  schema: z.ZodType<Value, string>,
  options: SettingOptions & { readonly default: NoInfer<Value> },
): Setting<Name, Value>;
export function setting<const Name extends string, Value>(
  name: Name,
  schema: z.ZodType<Value, string>,
  options: SettingOptions,
): Setting<Name, Value | undefined>;
export function setting<const Name extends string, Value>(
  name: Name,
  schema: z.ZodType<Value, string>,
  options: SettingOptions & { readonly default?: Value },
): Setting<Name, Value | undefined> {
  return new Setting({ ...options, name, schema, default: options.default });
}

/** Declarations in the structure of the values that are read from them. */
interface SettingTree {
  readonly [key: string]: Setting | SettingTree;
}

export type ValuesOf<Tree> = {
  readonly [Key in keyof Tree]: Tree[Key] extends Setting<string, infer Value>
    ? Value
    : ValuesOf<Tree[Key]>;
};

export type SettingNamesOf<Tree> = {
  [Key in keyof Tree]: Tree[Key] extends Setting<infer Name> ? Name : SettingNamesOf<Tree[Key]>;
}[keyof Tree];

/** All declarations of a tree, in order. */
export const settingsIn = (tree: SettingTree): readonly SettingDeclaration[] =>
  Object.values(tree).flatMap((node) =>
    node instanceof Setting ? [node.declaration] : settingsIn(node),
  );

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads values from an environment and collects what is invalid. */
export class SettingsReader {
  readonly problems: string[] = [];
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** An invalid variable adds a problem; the values must not be used then. */
  read<Tree extends SettingTree>(tree: Tree): ValuesOf<Tree>;
  read(tree: SettingTree): Readonly<Record<string, unknown>> {
    return Object.fromEntries(
      Object.entries(tree).map(([key, node]) => [
        key,
        node instanceof Setting ? this.#parse(node.declaration) : this.read(node),
      ]),
    );
  }

  #parse({ name, schema, ...declaration }: SettingDeclaration): unknown {
    const text = this.#environment[name];
    if (text === undefined) return declaration.default;
    const { data, error } = schema.safeParse(text);
    for (const { message } of error?.issues ?? []) this.problems.push(`${name}: ${message}`);
    return data;
  }
}
