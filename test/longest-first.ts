import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * What takes longest, the longest first: begun last, one of them would run alone at the end while the other cores have nothing to do. Those that
 * mostly wait stand between those that mostly compute. All other files follow in Vitest's own order.
 */
const longest = [
  'faults/faults-cluster',
  'faults/faults-ensemble',
  'simulation/simulation',
  'e2e/readme',
  'contract/kafka-faults',
  'fuzz/fuzz',
  'faults/faults-embedded',
  'e2e/real-data',
  'integration/shared-subscriber',
  'corpus/containment',
  'contract/kafka-4',
  'cluster/ensembles',
  'integration/lagging-follower',
  'integration/flow-control',
  'e2e/resume',
  'hostile/cursors',
  'contract/zookeeper-faults',
  'hostile/slow',
  'hostile/stalled-lines',
  'e2e/start',
  'hostile/http2-floods',
  'contract/kafka',
  'browser/event-source',
  'e2e/lines',
  'integration/until-drivers',
  'e2e/schemas',
  'contract/embedded-crash',
  'hostile/lifecycle',
  'integration/operated-subscriber',
  'e2e/dedupe',
  'e2e/fleet',
].map((name) => `/test/${name}.test.ts`);

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = longest.findIndex((name) => moduleId.endsWith(name));
      return place < 0 ? longest.length : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
