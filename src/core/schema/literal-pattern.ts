/** Characters that stand for themselves in every regular expression dialect. */
const plain = '[A-Za-z0-9_ :,@/-]*';
const whole = new RegExp(`^\\^(?:(${plain})|\\((?:\\?:)?(${plain}(?:\\|${plain})*)\\))\\$$`);

/** The texts that a regular expression such as `^(red|blue)$` matches; undefined where they are not spelled out. */
export function literalsOf(source: string): readonly string[] | undefined {
  const found = whole.exec(source);
  return found === null ? undefined : (found[1] ?? found[2] ?? '').split('|');
}
