import type { PublishResult } from '../../client/index.js';
import { safeText } from '../safe-text.js';

/** A line that was refused, and why. */
export interface Rejection {
  readonly line: number;
  readonly reason: string;
  readonly message: string;
  readonly violations: readonly { readonly pointer: string; readonly rule: string; readonly message: string }[];
}

/** Counts refused lines; keeps and shows the first ones only, so that a file of nothing else stays readable. */
export class Rejections {
  count = 0;
  readonly shown: Rejection[] = [];

  constructor(
    readonly most: number,
    private readonly show: (text: string) => void,
  ) {}

  add(rejection: Rejection): void {
    this.count++;
    if (this.shown.length >= this.most) return;
    this.shown.push(rejection);
    this.show(describeRejection(rejection));
  }

  /** What was not shown, in words; undefined if there is nothing. */
  rest(): string | undefined {
    const rest = this.count - this.shown.length;
    return rest === 0
      ? undefined
      : `… and ${rest.toLocaleString('en-US')} more rejected lines (--max-errors shows more)`;
  }
}

export function rejectionOf(line: number, result: PublishResult): Rejection {
  return {
    line,
    reason: result.reason,
    message: result.message,
    violations: result.violations.map(({ pointer, rule, message }) => ({ pointer, rule, message })),
  };
}

/** `line 17: /age must be >= 0 (minimum)`. */
function describeRejection({ line, reason, message, violations }: Rejection): string {
  const why =
    violations.length === 0
      ? `${message || 'rejected'}${reason === '' ? '' : ` (${reason})`}`
      : violations.map((v) => [v.pointer, v.message, v.rule && `(${v.rule})`].filter(Boolean).join(' ')).join('; ');
  return safeText(`line ${line}: ${why}`);
}
