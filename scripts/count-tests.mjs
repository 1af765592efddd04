// Prints what a vitest run came to, from its JSON report: `N passed, N failed` alone on the last line.
// usage: node scripts/count-tests.mjs report.json     exit: 1 if a test failed, or none ran, or there is no report
import { readFileSync } from 'node:fs';

const file = process.argv[2] ?? '';
let passed = 0;
let failed = 0;
let skipped = 0;
try {
  for (const { assertionResults, status, message, name } of JSON.parse(readFileSync(file, 'utf8')).testResults) {
    const count = (wanted) => assertionResults.filter((test) => test.status === wanted).length;
    passed += count('passed');
    failed += count('failed');
    skipped += assertionResults.length - count('passed') - count('failed');
    // A file that does not load, or whose hook fails, fails without a failing test.
    if (status === 'failed' && count('failed') === 0) {
      failed += 1;
      console.log(`${name} failed outside its tests: ${message}`);
    }
  }
} catch (error) {
  console.log(`no report of the tests: ${error.message}`);
}
if (skipped > 0) console.log(`${skipped} skipped`);
if (passed + failed === 0) console.log('no test ran');
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
