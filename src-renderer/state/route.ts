/** What the page shows, as it stands behind the # of its address: two tabs can show two experiments, and Back goes back. */

export const placeNames = ['Data', 'Design', 'Train', 'Explore', 'Library'] as const;
export type PlaceName = (typeof placeNames)[number];

export interface Route {
  place: PlaceName;
  /** Id of the open experiment; null while there is none. */
  experiment: string | null;
  /** Id of the run that Train and Explore look at; null: the newest one. */
  run: string | null;
}

export const firstRoute: Route = { place: 'Data', experiment: null, run: null };

const isId = (text: string | undefined): text is string =>
  text !== undefined && /^[A-Za-z0-9_-]{1,128}$/.test(text);

/** `#/train/<experiment>/<run>` */
export function formatRoute({ place, experiment, run }: Route): string {
  return `#/${[place.toLowerCase(), experiment ?? '-', ...(run === null ? [] : [run])].join('/')}`;
}

/** Reads what {@link formatRoute} wrote; null for anything else. */
export function parseRoute(hash: string): Route | null {
  const [start, name, experiment, run] = hash.split('/');
  const place = placeNames.find((known) => known.toLowerCase() === name);
  if (start !== '#' || place === undefined) return null;
  return {
    place,
    experiment: isId(experiment) && experiment !== '-' ? experiment : null,
    run: isId(run) ? run : null,
  };
}
