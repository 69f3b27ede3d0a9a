/** What of the library is looked at, and how: kept while other places are visited. */
import * as v from 'valibot';
import { Filter, noFilter, Order } from './rows.ts';

export const Shelf = v.picklist(['experiments', 'images', 'exports', 'deleted']);
export type Shelf = v.InferOutput<typeof Shelf>;

export const LibraryView = v.strictObject({
  shelf: Shelf,
  /** Ids of the runs to compare, in the order in which they were chosen. */
  chosen: v.array(v.string()),
  comparing: v.boolean(),
  filter: Filter,
  order: Order,
});
export type LibraryView = v.InferOutput<typeof LibraryView>;

export const usualView: LibraryView = {
  shelf: 'experiments',
  chosen: [],
  comparing: false,
  filter: noFilter,
  order: { column: 'date', descending: true },
};
