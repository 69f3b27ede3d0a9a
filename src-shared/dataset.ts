import * as v from 'valibot';

/** How an image that is not of the wanted size is made to fit: cut the longer side, add borders, or distort. */
export const Fit = v.picklist(['crop', 'pad', 'stretch']);
export type Fit = v.InferOutput<typeof Fit>;

/** How images are prepared for a network. Height and width in pixels; channels 1 (grey) to 4 (RGBA). */
export const ImageSettings = v.strictObject({
  height: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096)),
  width: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096)),
  channels: v.picklist([1, 2, 3, 4]),
  fit: Fit,
});
export type ImageSettings = v.InferOutput<typeof ImageSettings>;

/** A file that was left out of a dataset, and why. */
export const LeftOut = v.strictObject({
  /** Path inside the source, with forward slashes. */
  file: v.string(),
  /** A stable name of the reason, such as `broken`, `too-large`, `not-an-image`, `unreadable`. */
  code: v.string(),
  /** The reason in words. */
  reason: v.string(),
});
export type LeftOut = v.InferOutput<typeof LeftOut>;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/**
 * A dataset decoded once into the library's cache. Images lie in the file `images.u8` of `dir`: `count` images, one after the
 * other, each height x width x channels bytes (NHWC, 0 to 255, sRGB as in the files), in a fixed order (sorted by path).
 * `labels.u16` holds one little-endian 16-bit class index an image when there are classes.
 */
export const PreparedDataset = v.strictObject({
  /** Absolute folder of the cache entry. */
  dir: v.string(),
  /** Name of the cache entry: hash over the content and the settings. */
  key: v.string(),
  /** Where the images came from: an absolute path, `upload:<id>`, or `sample:<count>x<size>`. */
  source: v.string(),
  settings: ImageSettings,
  count,
  /** Names of the classes (sub-folders or IDX labels) in the order of their index; empty when there are none. */
  classes: v.array(v.string()),
  /** Images in each class, in the order of `classes`. */
  classCounts: v.array(count),
  /** SHA-256 (hex) over `images.u8` and labels: what the network really sees. */
  fingerprint: v.string(),
  /** Original sizes: `[width, height, count]`, most frequent first, at most 200 of them. */
  sizes: v.array(v.tuple([count, count, count])),
  /** Files found that were left out. At most 1,000 are listed; `leftOutCount` counts all. */
  leftOut: v.array(LeftOut),
  leftOutCount: count,
});
export type PreparedDataset = v.InferOutput<typeof PreparedDataset>;
