# every_file_is_listed.sh FILE...: fails if one of the modules and programs is neither a
# program nor a helper of programs: its tests would never run.
set -euo pipefail
helpers=" program rust rust_functions shutdown support "
status=0
for file; do
  name=${file%.ml}
  [ "$name" != "$file" ] || continue
  [[ -e $name.exe || $helpers == *" $name "* ]] || {
    echo "test/$file is no program: add it to the names in test/dune," >&2
    echo "or to the helpers in test/every_file_is_listed.sh" >&2
    status=1
  }
done
exit $status
