/** Names under which the preload script and the main process reach each other. */
export const channels = {
  /** The page wants a connection. */
  connect: 'ganvas:connect',
  /** Brings its end of one. */
  port: 'ganvas:port',
} as const;
