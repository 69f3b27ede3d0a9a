/** What people call designs, experiments, runs and tags. */
import * as v from 'valibot';
import { AppError } from './errors.ts';

/** What steers a terminal, ends a line, or turns the direction of what follows. */
const steering = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u;

/** Without spaces around it, 1 to 200 characters (UTF-16 code units) of one line. */
export const Name = v.pipe(
  v.string(),
  v.trim(),
  v.minLength(1, 'a name cannot be empty'),
  v.maxLength(200, 'a name has at most 200 characters'),
  v.check((name) => !steering.test(name), 'a name cannot have control characters or line breaks in it'),
);

/** @throws AppError `name.invalid` */
export function parseName(text: string): string {
  const parsed = v.safeParse(Name, text);
  if (parsed.success) return parsed.output;
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  throw new AppError('name.invalid', `${JSON.stringify(shown)} is no name: ${parsed.issues[0].message}.`);
}

/** Letters that leave room for a number within every limit on names. */
const longest = 80;

/**
 * What is made from a source is called by it: `pictures` for `pictures.zip`, and `pictures 2` where that is taken.
 * @param source what people call it: the name of a folder, a file or an upload
 */
export function nameAfter(source: string, taken: Iterable<string>): string {
  const plain = source
    .replace(/(\.zip|([.-]idx\d)?(-ubyte)?(\.gz)?)$/i, '')
    .replaceAll(new RegExp(steering, 'gu'), ' ')
    .replaceAll(/\s+/g, ' ')
    .slice(0, longest)
    .trim();
  const base = plain === '' ? 'Pictures' : plain;
  const used = new Set(taken);
  let name = base;
  for (let n = 2; used.has(name); n += 1) name = `${base} ${n}`;
  return name;
}
