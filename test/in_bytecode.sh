# in_bytecode.sh PROGRAM...: runs each of them.
set -euo pipefail
for program; do "./$program"; done
