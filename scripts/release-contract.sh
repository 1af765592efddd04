#!/usr/bin/env bash
# Declares proto/mainstem as it is now to be the released contract, against which `npm run check` looks for breaking changes.
# To be run deliberately: after a release, or to accept a break that was announced. Commit the file that it writes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/node_modules/.bin:$PATH"

buf lint
buf build --path proto/mainstem --exclude-source-info -o proto/released.binpb
echo "proto/released.binpb: $(wc -c <proto/released.binpb) bytes"
