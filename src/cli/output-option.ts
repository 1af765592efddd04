import { Option } from 'commander';

/** `--output`, of every command that shows something. */
export function outputOption(): Option {
  return new Option('--output <format>', 'text for people, json for machines')
    .choices(['text', 'json'])
    .default('text');
}
