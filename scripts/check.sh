#!/usr/bin/env bash
# Everything that can be checked without running the product. Runs all steps, shows the output of those that fail, and
# exits with 1 if any did. usage: bash scripts/check.sh [step ...]     without arguments: all steps
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/node_modules/.bin:$PATH"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

types() { tsc -p tsconfig.json --noEmit; }

style() { biome check --error-on-warnings --max-diagnostics=100 --colors=off .; }

# What silences a check is never the answer to it. This file names what it looks for.
suppressions() {
  ! grep -rnE '@ts-(ignore|nocheck)|biome-ignore|@public|dependency-cruiser:ignore' \
    --include='*.ts' --include='*.mjs' --include='*.cjs' src test scripts bench .dependency-cruiser.cjs --exclude-dir=gen
}

contract-lint() { buf lint; }

contract-format() { buf format --path proto/mainstem --diff --exit-code; }

# Against proto/released.binpb, which `npm run release-contract` renews. An image has no workspace's configuration.
contract-compatible() {
  buf build --path proto/mainstem -o "$work/contract.binpb" &&
    buf breaking "$work/contract.binpb" --exclude-imports --against proto/released.binpb \
      --config '{"version":"v2","breaking":{"use":["FILE"]}}'
}

generated-is-fresh() {
  buf generate -o "$work/generated" && diff -r "$work/generated/src/gen" src/gen ||
    { echo 'src/gen is not what proto/ says: run npm run generate'; return 1; }
}

dependencies() { depcruise --config .dependency-cruiser.cjs --output-type err-long src test scripts bench; }

dead-code() { knip --no-config-hints; }

steps=(types style suppressions contract-lint contract-format contract-compatible generated-is-fresh dependencies dead-code)
[ $# -gt 0 ] && chosen=("$@") || chosen=("${steps[@]}")

failed=()
for step in "${chosen[@]}"; do
  if [[ " ${steps[*]} " != *" $step "* ]]; then
    echo "no such step: $step (there are: ${steps[*]})" >&2
    exit 2
  fi
  begun=$SECONDS
  if "$step" >"$work/out" 2>&1 </dev/null; then
    printf 'ok      %-20s %3d s\n' "$step" $((SECONDS - begun))
  else
    printf 'FAILED  %-20s %3d s\n' "$step" $((SECONDS - begun))
    sed 's/^/    /' "$work/out"
    failed+=("$step")
  fi
done

if [ ${#failed[@]} -gt 0 ]; then
  echo "checks: ${#failed[@]} of ${#chosen[@]} failed: ${failed[*]}"
  exit 1
fi
echo "checks: all ${#chosen[@]} ok"
