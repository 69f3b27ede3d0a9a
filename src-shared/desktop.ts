/** What the preload script of the desktop app gives its page, as `window.desktop`. All else goes through the port. */
export interface Desktop {
  /** Asks for a connection to the core: its port comes as a message of the window, see {@link portMessage}. */
  connect(): void;
  /**
   * Path of a file or folder that was dropped or pasted; empty for one that lies on no disk.
   * @param file a `File`
   */
  pathOf(file: object): Promise<string>;
}

/** Data of the message that brings a port to the page. */
export const portMessage = 'ganvas.port';
