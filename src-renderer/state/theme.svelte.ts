import { Theme } from '../../src-shared/api.ts';

const themes = Theme.options;
const key = 'ganvas.theme';

function isTheme(text: string | null): text is Theme {
  return themes.some((theme) => theme === text);
}

/** Light or dark: what the system says, unless a person has chosen. Kept in the browser. */
export class ThemeChoice {
  #theme: Theme = $state('system');
  readonly #tell: (theme: Theme) => void;

  /** @param tell hears of every choice: what stands around the page may follow it */
  constructor(tell: (theme: Theme) => void) {
    this.#tell = tell;
    const stored = localStorage.getItem(key);
    if (isTheme(stored)) this.#apply(stored);
  }

  get current(): Theme {
    return this.#theme;
  }

  /** The next of system, light, dark. */
  next(): void {
    this.#apply(themes[(themes.indexOf(this.#theme) + 1) % themes.length]!);
    localStorage.setItem(key, this.#theme);
    this.#tell(this.#theme);
  }

  #apply(theme: Theme): void {
    this.#theme = theme;
    document.documentElement.dataset['theme'] = theme;
  }
}
