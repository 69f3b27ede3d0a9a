/** What the operating system shows and does. Tests put their own answers in the place of dialogs, as they do with real Electron. */
import { EventEmitter } from 'node:events';

const unanswered = (what: string) => {
  throw new Error(`nobody answers the dialog: ${what}`);
};

export const dialog = {
  async showMessageBox(...args: unknown[]): Promise<{ response: number }> {
    return unanswered(JSON.stringify(args.at(-1)));
  },
  async showOpenDialog(...args: unknown[]): Promise<{ canceled: boolean; filePaths: string[] }> {
    return unanswered(JSON.stringify(args.at(-1)));
  },
  async showSaveDialog(...args: unknown[]): Promise<{ canceled: boolean; filePath: string }> {
    return unanswered(JSON.stringify(args.at(-1)));
  },
  showErrorBox(title: string, content: string): void {
    process.stderr.write(`${title}: ${content}\n`);
  },
};

export const shell = {
  async openExternal(url: string): Promise<void> {
    throw new Error(`nobody expects ${url} to be opened`);
  },
  async openPath(): Promise<string> {
    return '';
  },
  showItemInFolder(): void {
    throw new Error('nobody expects a folder to be shown');
  },
};

export class Notification extends EventEmitter {
  /** Those that were shown, for tests. */
  static readonly shown: Notification[] = [];
  static isSupported(): boolean {
    return true;
  }
  readonly title: string;
  readonly body: string;
  constructor({ title, body }: { title: string; body: string }) {
    super();
    this.title = title;
    this.body = body;
  }
  show(): void {
    Notification.shown.push(this);
  }
}

export const powerSaveBlocker = new (class {
  readonly #started = new Set<number>();
  #next = 1;
  start(): number {
    this.#started.add(this.#next);
    return this.#next++;
  }
  stop(id: number): void {
    this.#started.delete(id);
  }
  isStarted(id: number): boolean {
    return this.#started.has(id);
  }
})();

export const screen = {
  getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }],
};

interface Template {
  id?: string;
  label?: string;
  role?: string;
  type?: string;
  enabled?: boolean;
  accelerator?: string;
  click?: () => void;
  submenu?: Template[];
}

export class Menu {
  static #application: Menu | null = null;
  readonly items: (Omit<Template, 'submenu'> & { click: () => void; submenu?: Menu })[];

  constructor(template: Template[]) {
    this.items = template.map(({ submenu, click, ...item }) => ({
      ...item,
      click: click ?? (() => undefined),
      ...(submenu && { submenu: new Menu(submenu) }),
    }));
  }
  static buildFromTemplate(template: Template[]): Menu {
    return new Menu(template);
  }
  static setApplicationMenu(menu: Menu): void {
    Menu.#application = menu;
  }
  static getApplicationMenu(): Menu | null {
    return Menu.#application;
  }
  getMenuItemById(id: string): Menu['items'][number] | null {
    for (const item of this.items) {
      const found = item.id === id ? item : item.submenu?.getMenuItemById(id);
      if (found) return found;
    }
    return null;
  }
}
