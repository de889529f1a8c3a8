# every_file_is_listed.sh FILE...: FILE... are the modules and the programs of this folder.
# Fails if a module is neither a program nor a helper, since its tests would never run.
set -euo pipefail
helpers=" choices facade known optional program renamed round_trip rust shutdown support through "
status=0
for file; do
  name=$(basename "$file" .ml)
  [ "$name" != "$(basename "$file")" ] || continue
  [[ -e $name.exe || $helpers == *" $name "* ]] || {
    echo "test/$file is no program: add it to the names in test/dune," >&2
    echo "or to the helpers in test/every_file_is_listed.sh" >&2
    status=1
  }
done
exit $status
