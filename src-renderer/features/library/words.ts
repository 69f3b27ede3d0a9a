/** What the library calls things. */

/**
 * What people call the source of images.
 * @param names what the core calls those that are prepared
 */
export function sourceWords(source: string, names: ReadonlyMap<string, string>): string {
  if (source === 'sample' || source.startsWith('sample:')) return 'Drawn faces';
  const known = names.get(source);
  if (known !== undefined && !known.startsWith('upload:')) return known;
  if (source.startsWith('upload:')) return 'Uploaded images';
  return source.split(/[/\\]/).findLast((part) => part !== '') ?? source;
}

/** Thousands of images as `4.2`, `1,234`. */
export function kimgWords(kimg: number): string {
  return kimg.toLocaleString('en', { maximumFractionDigits: kimg < 100 ? 1 : 0 });
}
