import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** One process, as `/proc` describes it. */
interface ProcessFacts {
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly args: readonly string[];
}

/** A process that started this one and does nothing but wait for it. */
export interface Launcher {
  readonly pid: number;
  /** Its command line, for the log. */
  readonly title: string;
}

const shells = /^-?(sh|dash|bash|ash|ksh|mksh|zsh|busybox)$/;
const packageManagers = /^(npm|npx|pnpm|pnpx|yarn|yarnpkg)(-cli|-[\d.]+)?([.][cm]?js)?$/;
/** Words of a shell command that start something which has to outlive the shell. */
const detaching = /(^|[\s;|(])(nohup|setsid|disown|coproc|daemonize|start-stop-daemon)\b/;
/** `a & b`, but not `a && b`, `2>&1`, `&>file` or `a |& b`. */
const background = /(?<![&><|])&(?![&>])/;

/**
 * Lists the processes that wait for this one, the parent first: `sh -c COMMAND` and npm, pnpm or yarn, for example `sh` and `npm` under
 * `npx mainstem serve`. Such a process outlives this one unless somebody kills it. Empty where this process was started to outlive its
 * parent (`&`, nohup, setsid, a job of an interactive shell), where its parent is anything else, and on systems without `/proc`.
 */
export function launchersOf(pid: number, read: (pid: number) => ProcessFacts | undefined = readFacts): Launcher[] {
  const own = read(pid);
  const launchers: Launcher[] = [];
  let next = own?.parent ?? 0;
  while (own && next > 0) {
    const facts = read(next);
    // Job control and setsid give a command a process group of its own.
    if (!facts || facts.group !== own.group || facts.session !== own.session || !waitsForCommand(facts.args)) break;
    launchers.push({ pid: next, title: facts.args.join(' ') });
    next = facts.parent;
  }
  return launchers;
}

/** The first of `launchers` that is gone: the process below it has another parent now. */
export function lostLauncher(pid: number, launchers: readonly Launcher[]): Launcher | undefined {
  let child = pid;
  for (const launcher of launchers) {
    const parent = child === process.pid ? process.ppid : readFacts(child)?.parent;
    if (parent !== launcher.pid) return launcher;
    child = launcher.pid;
  }
  return undefined;
}

function waitsForCommand(args: readonly string[]): boolean {
  const [program = '', ...rest] = args;
  // npm shows itself as `npm start …` in one word, and as `node …/npm-cli.js start` until it has set that title.
  const name = basename(program.split(' ')[0] ?? '');
  if (shells.test(name)) {
    const options = name === 'busybox' ? rest.slice(1) : rest;
    const at = options.findIndex((arg) => /^-[a-z]*c$/.test(arg) || !arg.startsWith('-'));
    const command = options[at + 1];
    return options[at]?.startsWith('-') === true && command !== undefined && !detaches(command);
  }
  return packageManagers.test(name) || packageManagers.test(basename(rest[0] ?? ''));
}

function detaches(command: string): boolean {
  const unquoted = command.replace(/'[^']*'|\\./g, '');
  return background.test(unquoted) || detaching.test(unquoted);
}

function readFacts(pid: number): ProcessFacts | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may hold anything, also spaces and parentheses.
    const [, parent, group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0+$/, '').split('\0');
    return { parent: Number(parent), group: Number(group), session: Number(session), args };
  } catch {
    return undefined;
  }
}
