/** A command of a document, and the output that the document promises. */
export interface ConsoleStep {
  readonly line: number;
  readonly command: string;
  /** `…` stands for anything, within a line or as a line of its own for any number of lines. */
  readonly output: string;
}

/** The steps of the fenced `console` blocks of a Markdown document. A command begins with `$ `, and goes on after a line that ends in `\`. */
export function consoleSteps(markdown: string): ConsoleStep[] {
  const steps: { line: number; command: string; output: string[] }[] = [];
  let inBlock = false;
  let continued = false;
  markdown.split('\n').forEach((text, index) => {
    if (text.startsWith('```')) {
      inBlock = text === '```console';
      continued = false;
      return;
    }
    if (!inBlock) return;
    const step = steps.at(-1);
    if (text.startsWith('$ ')) steps.push({ line: index + 1, command: text.slice(2), output: [] });
    else if (continued && step) step.command += `\n${text}`;
    else step?.output.push(text);
    continued = (text.startsWith('$ ') || continued) && text.endsWith('\\');
  });
  return steps.map(({ output, ...step }) => ({ ...step, output: output.join('\n').trim() }));
}

/** Whether an output is what the document promises. */
export function matchesOutput(actual: string, promised: string): boolean {
  const pattern = promised
    .split('\n')
    .map((line) => (line.trim() === '…' ? '[^]*?' : line.split('…').map(literally).join('.*?')))
    .join('\n')
    .replaceAll('\n[^]*?\n', '\n[^]*?')
    .replace(/\n\[\^\]\*\?$/, '[^]*');
  return new RegExp(`^${pattern}$`).test(actual.trim());
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
