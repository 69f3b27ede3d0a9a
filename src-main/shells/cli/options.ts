/** Reading the command line's words. */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { didYouMean } from '../../../src-shared/did-you-mean.ts';
import { Name } from '../../../src-shared/name.ts';
import { UsageError } from './usage.ts';

const options = {
  augment: { type: 'string' },
  'augment-chance': { type: 'string' },
  'augment-kimg': { type: 'string' },
  'augment-target': { type: 'string' },
  batch: { type: 'string' },
  beta1: { type: 'string' },
  beta2: { type: 'string' },
  'checkpoint-every': { type: 'string' },
  'checkpoint-megabytes': { type: 'string' },
  'clip-norm': { type: 'string' },
  count: { type: 'string' },
  data: { type: 'string' },
  'd-steps': { type: 'string' },
  'data-root': { type: 'string' },
  delete: { type: 'string' },
  'delete-unused': { type: 'boolean' },
  design: { type: 'string' },
  'ema-kimg': { type: 'string' },
  'ema-ramp-up': { type: 'string' },
  engine: { type: 'string' },
  fit: { type: 'string' },
  flip: { type: 'boolean' },
  format: { type: 'string' },
  gp: { type: 'string' },
  grey: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  host: { type: 'string' },
  images: { type: 'string' },
  inception: { type: 'string' },
  'instance-noise': { type: 'string' },
  json: { type: 'boolean' },
  'keep-best': { type: 'string' },
  kimg: { type: 'string' },
  'label-smoothing': { type: 'string' },
  latent: { type: 'string' },
  library: { type: 'string' },
  loss: { type: 'string' },
  lr: { type: 'string' },
  'lr-d': { type: 'string' },
  'lr-g': { type: 'string' },
  'measure-every': { type: 'string' },
  'measure-images': { type: 'string' },
  minutes: { type: 'string' },
  name: { type: 'string' },
  'noise-kimg': { type: 'string' },
  open: { type: 'boolean' },
  optimizer: { type: 'string' },
  'optimizer-d': { type: 'string' },
  'optimizer-g': { type: 'string' },
  out: { type: 'string' },
  patience: { type: 'string' },
  'penalty-every': { type: 'string' },
  port: { type: 'string' },
  preset: { type: 'string' },
  r1: { type: 'string' },
  r2: { type: 'string' },
  resolution: { type: 'string' },
  'sample-every': { type: 'string' },
  schedule: { type: 'string' },
  'schedule-kimg': { type: 'string' },
  seed: { type: 'string' },
  step: { type: 'string' },
  steps: { type: 'string' },
  'weight-clip': { type: 'string' },
  'weight-decay': { type: 'string' },
  version: { type: 'boolean' },
} as const;

export type OptionName = keyof typeof options;
type TextOption = {
  [Name in OptionName]: (typeof options)[Name]['type'] extends 'string' ? Name : never;
}[OptionName];
type Flag = Exclude<OptionName, TextOption>;

/** Options that may be given more than once. Of any other, one of two would be forgotten without a word. */
const repeatable: readonly OptionName[] = ['data-root'];

/** Steps that a run may have. */
export const mostSteps = 1_000_000_000;

/** A word as it is typed: in quotes where a shell would need them, so that nothing in it is taken for more than a letter. */
export function quoted(word: string): string {
  if (/^[\w./:@%+=-]+$/.test(word)) return word;
  return process.platform === 'win32' ? JSON.stringify(word) : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Whether a path has lost bytes that are no UTF-8 text: they come in as this letter, and nothing is found under that name. */
export const isMangled = (path: string) => path.includes('\uFFFD') && !existsSync(path);

/** The words of one call. */
export class Words {
  readonly #values: Partial<Record<OptionName, string | boolean>>;
  readonly #positionals: readonly string[];
  /** Every value that was given, in order, by option. */
  readonly #all: ReadonlyMap<string, readonly string[]>;

  constructor(
    values: Partial<Record<OptionName, string | boolean>>,
    positionals: readonly string[],
    all: ReadonlyMap<string, readonly string[]>,
  ) {
    this.#values = values;
    this.#positionals = positionals;
    this.#all = all;
  }

  /**
   * @throws UsageError for an option that nobody knows, that lacks its value, that has one although it takes none, or that comes twice, and for words
   * that are not UTF-8
   */
  static parse(args: readonly string[]): Words {
    // Not `strict`: its messages are for programmers.
    const { tokens, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      strict: false,
      tokens: true,
    });
    const values: Partial<Record<OptionName, string | boolean>> = {};
    const all = new Map<string, string[]>();
    for (const token of tokens) {
      const text = token.kind === 'option-terminator' ? undefined : token.value;
      if (text !== undefined && isMangled(text))
        throw new UsageError(
          `"${text}" is not UTF-8 text, and nothing else can be the name of a file or folder here. Rename it first.`,
        );
      if (token.kind !== 'option') continue;
      const { rawName, value } = token;
      if (!Object.hasOwn(options, token.name)) {
        const all = Object.keys(options).map((name) => `--${name}`);
        throw new UsageError(`There is no option ${rawName}.${didYouMean(rawName, all)}`);
      }
      const name = token.name as OptionName;
      if (values[name] !== undefined && !repeatable.includes(name))
        throw new UsageError(`--${name} is given more than once. Give it once.`);
      if (options[name].type === 'boolean') {
        if (value !== undefined) throw new UsageError(`${rawName} takes no value.`);
        values[name] = true;
      } else {
        if (!value?.trim()) throw new UsageError(`${rawName} needs a value.`);
        const looksLikeOption = !token.inlineValue && value.startsWith('-');
        if (looksLikeOption)
          throw new UsageError(`${rawName} needs a value; to give it "${value}", write ${rawName}=${value}.`);
        values[name] = value;
        all.set(name, [...(all.get(name) ?? []), value]);
      }
    }
    return new Words(values, positionals, all);
  }

  /** The command, or undefined. */
  get command(): string | undefined {
    return this.#positionals[0];
  }

  flag(name: Flag): boolean {
    return this.#values[name] === true;
  }

  text(name: TextOption): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** The values of an option that may be given more than once. */
  texts(name: TextOption): readonly string[] {
    return this.#all.get(name) ?? [];
  }

  required(name: TextOption): string {
    const value = this.text(name);
    if (value === undefined) throw new UsageError(`${this.command} needs --${name}.`);
    return value;
  }

  /** A whole number between `min` and `max`. */
  integer(name: TextOption, min: number, max: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not "${text}".`);
  }

  /** A number between `min` and `max`. */
  number(name: TextOption, min: number, max: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (/^\d*\.?\d+(e-?\d+)?$/i.test(text) && value >= min && value <= max) return value;
    throw new UsageError(`--${name} must be a number from ${min} to ${max}, not "${text}".`);
  }

  /** One of the words that a schema allows. */
  choice<const Choices extends readonly string[]>(
    name: TextOption,
    schema: v.PicklistSchema<Choices, undefined>,
  ): Choices[number] | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const parsed = v.safeParse(schema, text);
    if (parsed.success) return parsed.output;
    throw new UsageError(`--${name} must be one of ${schema.options.join(', ')}, not "${text}".`);
  }

  /** Some of the words that are allowed, between commas; none of them as `none`. */
  choices<const Choice extends string>(name: TextOption, allowed: readonly Choice[]): Choice[] | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const given = text === 'none' ? [] : text.split(',').map((word) => word.trim());
    const unknown = given.find((word) => !allowed.some((known) => known === word));
    if (unknown === undefined) return allowed.filter((known) => given.includes(known));
    throw new UsageError(
      `--${name} must be some of ${allowed.join(',')} with commas between them, or none, not "${text}".`,
    );
  }

  /** What something is to be called. */
  name(option: TextOption): string | undefined {
    const text = this.text(option);
    return text === undefined ? undefined : plainName(text, `--${option}`);
  }

  /** {@link argument} that something is to be called by. */
  nameArgument(what: string, index: number): string {
    return plainName(this.argument(what, index), this.command ?? '');
  }

  /** A word behind the command. @param what it stands for, in the message when it is missing or blank @param index 0 for the first */
  argument(what: string, index = 0): string {
    const word = this.#positionals[1 + index];
    if (!word?.trim()) throw new UsageError(`${this.command} needs ${what}.`);
    return word;
  }

  /** The call as it can be typed again, with another step; without the library and --json. */
  withStep(step: number): string {
    const { step: _, library: __, json: ___, ...values } = this.#values;
    const given = Object.entries(values).map(([name, value]) =>
      value === true ? `--${name}` : `--${name} ${quoted(String(value))}`,
    );
    return [...this.#positionals.map(quoted), ...given, `--step ${step}`].join(' ');
  }

  /** Refuses options (and words) that the command does not have. */
  allow(names: readonly OptionName[], words = 0): void {
    const given = Object.keys(this.#values) as OptionName[];
    const unknown = given.find((name) => !names.includes(name) && name !== 'json' && name !== 'library');
    if (unknown !== undefined)
      throw new UsageError(`${this.command} has no option --${unknown}.${didYouMean(unknown, names)}`);
    const extra = this.#positionals[1 + words];
    if (extra !== undefined)
      throw new UsageError(
        `${this.command} does not know what to do with "${extra}".${wayOf(extra, names, words)}`,
      );
  }
}

/** What somebody may have meant by a word too many. */
function wayOf(extra: string, names: readonly OptionName[], words: number): string {
  if (names.includes('data') && words === 0) return ` To train on it, say --data ${quoted(extra)}.`;
  return words > 0 ? ' Put what has spaces in it in quotes.' : '';
}

function plainName(text: string, where: string): string {
  const parsed = v.safeParse(Name, text);
  if (parsed.success && /^\d+$/.test(parsed.output)) {
    throw new UsageError(
      `${where} does not take "${parsed.output}": digits alone always mean the run of that number, so a run called so would not be found.`,
    );
  }
  if (parsed.success) return parsed.output;
  throw new UsageError(`${where} does not take this: ${parsed.issues[0].message}.`);
}
