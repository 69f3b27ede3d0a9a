/** What somebody who mistyped a word may have meant. */
import { distance } from 'fastest-levenshtein';

/** Letters for each of which one may be wrong, left out or too many, or two may be swapped. */
const lettersPerMistake = 3;

/** The word itself, and the word with every pair of neighbours swapped: one slip of the fingers, which the distance counts as two. */
function readings(word: string): { text: string; mistakes: number }[] {
  const swapped = Array.from({ length: Math.max(0, word.length - 1) }, (_, i) => ({
    text: word.slice(0, i) + word.charAt(i + 1) + word.charAt(i) + word.slice(i + 2),
    mistakes: 1,
  }));
  return [{ text: word, mistakes: 0 }, ...swapped];
}

/** ` Did you mean "train"?`, or nothing where no word is near. */
export function didYouMean(word: string, words: readonly string[]): string {
  const read = readings(word);
  const mistakesTo = (other: string) =>
    Math.min(...read.map(({ text, mistakes }) => mistakes + distance(text, other)));
  const [nearest] = words
    .map((other) => ({ other, mistakes: mistakesTo(other) }))
    .sort((a, b) => a.mistakes - b.mistakes);
  const most = Math.max(1, Math.floor(word.length / lettersPerMistake));
  return nearest !== undefined && nearest.mistakes <= most ? ` Did you mean "${nearest.other}"?` : '';
}
