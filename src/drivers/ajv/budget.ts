import { _, type Ajv, type KeywordCxt } from 'ajv';
import { countValues } from './json.js';

/** What every document may cost, in steps: a reference followed, or a regular expression of 1,000 instructions tried on one character. About a second. */
const leastSteps = 1_000_000;
/** A document that is larger may cost more: linear schemas pass, however large it is. */
const stepsPerValue = 4;
const mostValues = 8_000_000;

/** The budget is used up: how long the check would take depends on the document in a way that is not linear. */
export class TooCostly extends Error {
  override readonly name = 'TooCostly';
}

/**
 * Bounds the time that one document's validation takes. A dozen lines of schema that refer to themselves in two branches take time exponential
 * in the document's depth, and references that merely branch take time exponential in their number: so every reference that is followed counts.
 */
export class Budget {
  #left = leastSteps;
  #document: unknown;
  #extended = false;

  start(document: unknown): void {
    this.#left = leastSteps;
    this.#document = document;
    this.#extended = false;
  }

  /** Lets the document go. */
  end(): void {
    this.#document = undefined;
  }

  /** Throws TooCostly. */
  readonly spend = (steps: number): void => {
    this.#left -= steps;
    if (this.#left < 0) this.#extend();
  };

  /** Documents are counted only once they cost much. */
  #extend(): void {
    if (!this.#extended) {
      this.#extended = true;
      this.#left += Math.max(0, stepsPerValue * countValues(this.#document, mostValues) - leastSteps);
    }
    if (this.#left < 0) throw new TooCostly();
  }
}

/** Makes every reference that is followed cost a step. */
export function countReferences(ajv: Ajv, budget: Budget): void {
  const definition = ajv.getKeyword('$ref');
  if (typeof definition !== 'object' || !('code' in definition) || definition.code === undefined) return;
  const { code } = definition;
  ajv.removeKeyword('$ref');
  ajv.addKeyword({
    ...definition,
    code(cxt: KeywordCxt, ruleType?: string) {
      cxt.gen.code(_`${cxt.gen.scopeValue('func', { ref: budget.spend })}(1)`);
      code(cxt, ruleType);
    },
  });
}
