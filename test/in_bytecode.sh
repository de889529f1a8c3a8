# in_bytecode.sh PROGRAM...: runs each PROGRAM.
set -euo pipefail
for program; do "./$program"; done
