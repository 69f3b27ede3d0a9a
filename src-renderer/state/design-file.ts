/** Whether one file is dragged that can only be a design. While it is dragged, its type is all that a page may know. */
export function isDesignFile({ items, files }: DataTransfer): boolean {
  return (
    items.length === 1 && (items[0]!.type === 'application/json' || /\.json$/i.test(files[0]?.name ?? ''))
  );
}
