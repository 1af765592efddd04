import type { DependencyStatus } from '../core/ports/dependency.js';

/** Whether this instance should get traffic. */
export interface Readiness {
  /** False only before the first full start, and while draining: a dependency that is down does not cut the streams that survive it. */
  readonly ready: boolean;
  readonly dependencies: readonly Pick<DependencyStatus, 'name' | 'state' | 'detail' | 'since'>[];
  /** What operators should do something about, in words. */
  readonly notices?: readonly string[] | undefined;
}
