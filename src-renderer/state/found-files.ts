/**
 * The files of a folder that was dropped or chosen, by their names alone: to open one takes a browser half a millisecond, and a folder may
 * hold a hundred thousand. Walked in slices, so that the page is not held up.
 */
import { AppError } from '../../src-shared/errors.ts';

export interface FoundFile {
  /** Inside the folder, with forward slashes. */
  path: string;
  /** Rejects where the browser cannot read it. */
  open: () => Promise<File>;
}

export interface FoundFiles {
  /** What a person would call it: the folder's or the file's name. */
  name: string;
  files: FoundFile[];
  /** Of all of them; null where counting would take long. */
  bytes: number | null;
}

export interface FindOptions {
  onFound: (count: number) => void;
  signal: AbortSignal;
}

/** Finds files; see {@link fromEntries} and {@link fromList}. @throws AppError `cancelled`, `dataset.empty` */
export type FindFiles = (options: FindOptions) => Promise<FoundFiles>;

/** Files that take part in nothing that a person sees, such as .DS_Store. */
const isHidden = (name: string) => name.startsWith('.') || name === '__MACOSX';

/** Files of a list that are looked at without a pause. */
const slice = 5000;
/** So many dropped files are opened to know their size. */
const fewFiles = 100;

/** What was dropped. To be called while the event is being handled: afterwards the browser has forgotten what was dropped. */
export function fromDrop(data: DataTransfer): FindFiles {
  const entries = [...data.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  // What was not dragged out of a file browser has no entries.
  return entries.length > 0 ? (options) => fromEntries(entries, options) : fromList([...data.files]);
}

/** What was dropped, as the browser gives it. */
export async function fromEntries(
  entries: readonly FileSystemEntry[],
  options: FindOptions,
): Promise<FoundFiles> {
  const [first] = entries;
  const files: FoundFile[] = [];
  // A single folder is the dataset; of several, each becomes a class.
  if (entries.length === 1 && isDirectory(first!)) await walk(first, '', files, options);
  else await addAll(entries, '', files, options);
  const name = entries.length === 1 ? first!.name : `${first?.name ?? 'files'} and more`;
  return { ...checked(name, files), bytes: files.length > fewFiles ? null : await sizeOf(files) };
}

const isDirectory = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;
const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;

/** What cannot be opened counts nothing: it will not be sent. */
async function sizeOf(files: readonly FoundFile[]): Promise<number> {
  const opened = await Promise.allSettled(files.map(({ open }) => open()));
  return opened.reduce((sum, file) => sum + (file.status === 'fulfilled' ? file.value.size : 0), 0);
}

async function addAll(
  entries: readonly FileSystemEntry[],
  folder: string,
  files: FoundFile[],
  options: FindOptions,
): Promise<void> {
  throwIfCancelled(options.signal);
  const shown = entries.filter(({ name }) => !isHidden(name));
  for (const entry of shown.filter(isFile)) {
    const open = () => new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    files.push({ path: `${folder}${entry.name}`, open });
  }
  options.onFound(files.length);
  for (const entry of shown) {
    if (isDirectory(entry)) await walk(entry, `${folder}${entry.name}/`, files, options);
  }
}

async function walk(
  directory: FileSystemDirectoryEntry,
  folder: string,
  files: FoundFile[],
  options: FindOptions,
): Promise<void> {
  const reader = directory.createReader();
  for (;;) {
    // A browser gives a hundred at a time, and none when there are no more.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (entries.length === 0) return;
    await addAll(entries, folder, files, options);
  }
}

/** What was chosen with a file field, or pasted. */
export function fromList(list: ArrayLike<File>): FindFiles {
  return async ({ onFound, signal }) => {
    const files: FoundFile[] = [];
    let name = list[0]?.name ?? 'files';
    let bytes = 0;
    for (let i = 0; i < list.length; i += 1) {
      const file = list[i]!;
      const [folder, ...inside] = file.webkitRelativePath.split('/');
      const parts = inside.length > 0 ? inside : [file.name];
      if (inside.length > 0) name = folder!;
      if (!parts.some(isHidden)) {
        files.push({ path: parts.join('/'), open: async () => file });
        bytes += file.size;
      }
      if (i % slice !== 0) continue;
      onFound(files.length);
      throwIfCancelled(signal);
      // Something else may have its turn.
      await new Promise((resolve) => setTimeout(resolve));
    }
    return { ...checked(name, files), bytes };
  };
}

function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new AppError('cancelled', 'The upload was cancelled; nothing was kept.');
}

function checked(name: string, files: FoundFile[]): Pick<FoundFiles, 'name' | 'files'> {
  if (files.length > 0) return { name, files };
  throw new AppError(
    'dataset.empty',
    `${name} holds no files. Choose the folder that holds your images, or a zip of it.`,
  );
}

/** Whether a text can only be the path of a folder or file on some machine. */
export function looksLikePath(text: string): boolean {
  return /^(\/|~\/|[A-Za-z]:[\\/]|\\\\)[^\n]*$/.test(text);
}
