#!/usr/bin/env node
// npm 10 (shipped with Node 20 and 22) starts "node-gyp rebuild" for better-sqlite3, although that package says "gypfile": false and
// brings its libraries ready built. The real node-gyp then needs Python, a compiler and a download, and the whole install fails without them;
// where it has them it builds a second library that wins over the tested one. So here it does nothing, and says so.
console.log('Nothing is compiled: the native libraries come ready built inside their packages.');
