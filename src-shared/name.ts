/** Names that Ganvas gives by itself. */

/** Letters that leave room for a number within every limit on names. */
const longest = 80;

/**
 * What is made from a source is called by it: `pictures` for `pictures.zip`, and `pictures 2` where that is taken.
 * @param source what people call it: the name of a folder, a file or an upload
 */
export function nameAfter(source: string, taken: Iterable<string>): string {
  const plain = source
    .replace(/(\.zip|([.-]idx\d)?(-ubyte)?(\.gz)?)$/i, '')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .slice(0, longest)
    .trim();
  const base = plain === '' ? 'Pictures' : plain;
  const used = new Set(taken);
  let name = base;
  for (let n = 2; used.has(name); n += 1) name = `${base} ${n}`;
  return name;
}
