/** Ids of experiments and runs. */
import { randomInt } from 'node:crypto';
import * as v from 'valibot';

const letters = 'abcdefghijkmnpqrstuvwxyz';
const signs = `${letters}23456789`;

/** Ten small letters and digits, a letter first: safe as a file name everywhere, and never to be taken for a run's number. */
export const Id = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9]{9}$/, 'not an id'));

/** A new random id: 48 bits of chance. */
export function newId(): string {
  let id = letters.charAt(randomInt(letters.length));
  while (id.length < 10) id += signs.charAt(randomInt(signs.length));
  return id;
}
