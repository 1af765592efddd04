// `npm start`: installs what is missing, builds what has changed, and serves, all in this process. Arguments after `--` go to
// `mainstem serve`.
import './prepare.mjs';

const command = new URL('../bin/mainstem.js', import.meta.url);
process.argv = [process.execPath, command.pathname, 'serve', ...process.argv.slice(2)];
await import(command.href);
