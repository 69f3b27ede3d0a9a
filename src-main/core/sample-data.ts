/** The built-in dataset as files: needs no library, so it is no part of the app. */
export { writeSampleDataset } from '../datasets/sample/write.ts';
