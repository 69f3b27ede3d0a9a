/** What the addresses in `pictures` and `uploads` of src-shared/api.ts stand for: every shell answers them from here. */

/** Something to send: bytes that are at hand, or a file or folder on the disk. */
export type Content =
  | { kind: 'bytes'; type: 'image/png'; bytes: Uint8Array }
  | {
      kind: 'file';
      type: 'image/png' | 'image/gif' | 'image/webp' | 'application/octet-stream';
      path: string;
    }
  /** To be sent as one zip. */
  | { kind: 'folder'; path: string };

/** Everything throws AppError: `*.missing` for what is not there, which is told apart from what went wrong. */
export interface Files {
  sample(run: string, step: number): Promise<Content>;
  image(dataset: string, index: number): Promise<Content>;
  /** The list of all that was left out of a prepared dataset. */
  leftOut(dataset: string): Promise<Content>;
  preview(preview: string, index: number): Promise<Content>;
  explored(explorer: string, picture: string): Promise<Content>;
  /** @returns the content and the name to save it under, with its ending */
  export(id: number): Promise<{ content: Content; name: string }>;
  /**
   * Takes one file of an upload. It is there whole, or not at all.
   * @param path inside the dropped folder, with forward slashes
   * @throws AppError `upload.missing`, `upload.bad-path`, `upload.too-large` (more than was announced), `upload.interrupted` (the
   * body failed), `disk.full`
   */
  receive(upload: string, path: string, body: AsyncIterable<Uint8Array>): Promise<void>;
}
