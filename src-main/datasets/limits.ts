/** What a dataset may cost, so that a hostile or mistaken source ends in a message instead of a full memory. */
export interface Limits {
  /** Bytes of one image file, unpacked when it lies in a zip. */
  fileBytes: number;
  /** Pixels of one image, as its header announces them, checked before anything is decoded. */
  imagePixels: number;
  /** Files in one source. */
  files: number;
  /** Bytes of a zip's or .gz file's whole content, unpacked. */
  unpackedBytes: number;
  /** How many times larger than the archive its content may be, once the content is above 100 MB. */
  unpackedRatio: number;
}

export const DEFAULT_LIMITS: Limits = {
  fileBytes: 256 * 2 ** 20,
  imagePixels: 100_000_000,
  files: 10_000_000,
  unpackedBytes: 256 * 2 ** 30,
  unpackedRatio: 200,
};
