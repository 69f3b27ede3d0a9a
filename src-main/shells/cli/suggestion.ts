/** What somebody who mistyped a word may have meant. */
import { closest, distance } from 'fastest-levenshtein';

/** Letters for each of which one may be wrong, left out or too many. */
const lettersPerMistake = 3;

/** ` Did you mean "train"?`, or nothing where no word is near. */
export function didYouMean(word: string, words: readonly string[]): string {
  const nearest = closest(word, words);
  const mistakes = Math.max(1, Math.floor(word.length / lettersPerMistake));
  return distance(word, nearest) <= mistakes ? ` Did you mean "${nearest}"?` : '';
}
