import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '../..');

/** Refuses what only Node has, by both of its names: also where a package of the same name could stand in for it. */
const withoutNode: Plugin = {
  name: 'without-node',
  setup({ onResolve }) {
    onResolve({ filter: new RegExp(`^(node:.*|${builtinModules.join('|')})/?$`) }, ({ path, importer }) => ({
      errors: [{ text: `${importer} imports ${path}, which no browser has` }],
    }));
  },
};

/** A module as one script for a page, made as a page's author would; its exports become the global `name`. Imports of `mainstem` are the package as it was built. */
export async function bundleForPage(source: string, name: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root },
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: name,
    plugins: [withoutNode],
    write: false,
    logLevel: 'silent',
  });
  return outputFiles.map(({ text }) => text).join('');
}
