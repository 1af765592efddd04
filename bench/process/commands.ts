/** What a child process can be asked to do. Parameters and results travel as JSON. */
export type Commands = { readonly [name: string]: (parameters: never) => Promise<unknown> };

export interface Question {
  readonly id: number;
  readonly name: string;
  readonly parameters: unknown;
}

export type Answer = { readonly id: number; readonly result?: unknown; readonly error?: string };

/** What every child can be asked. */
const common = {
  cpuMicros: async (): Promise<number> => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
};
export type CommonCommands = typeof common;

/** Answers the parent's questions, until the parent is gone. */
export function answerCommands(commands: Commands): void {
  const all: Commands = { ...common, ...commands };
  process.on('message', (message: Question) => {
    const { id, name, parameters } = message;
    const send = (answer: Answer) => void process.send?.(answer);
    const command = all[name];
    if (command === undefined) return send({ id, error: `no such command: ${name}` });
    // The parent's types check the parameters: both sides are built from the same sources.
    command(parameters as never).then(
      (result) => send({ id, result }),
      (error: unknown) => send({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.once('disconnect', () => process.exit(0));
}
