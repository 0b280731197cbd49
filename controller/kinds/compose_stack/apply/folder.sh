# Reads files of a stack's folder. $1: the folder. $2: how many files of a folder below are read, and $3: how many bytes of
# them together. $4: how many bytes of one. Then paths from the folder, of files or folders. Changes nothing.
# Says `file MODE OWNER SIZE BASE64 PATH` (with . for nothing, - for what is too long), `large PATH` for a folder.

cd "$1" || { echo "the folder $1 cannot be read" >&2; exit 80; }
many=$2; most=$3; longest=$4; shift 4
one() {
  about=$(stat -L -c '%a %u:%g %s' -- "$1") || return 0
  if [ "${about##* }" -gt "$longest" ]; then text=-; else text=$(base64 <"$1" | tr -d '\n'); fi
  printf 'file %s %s %s\n' "$about" "${text:-.}" "$1"
}
list=$(mktemp) || exit 80
trap 'rm -f "$list"' EXIT
for path in "$@"; do
  if [ -f "$path" ]; then
    one "$path"
  elif [ -d "$path" ]; then
    find "./$path" -xdev -type f 2>/dev/null | grep -v '/\.git/' | head -n $((many + 1)) >"$list"
    size=$(tr '\n' '\000' <"$list" | xargs -0 -r stat -L -c %s -- 2>/dev/null | awk '{ all += $1 } END { print all + 0 }')
    if [ "$(wc -l <"$list")" -gt "$many" ] || [ "$size" -gt "$most" ]; then
      printf 'large %s\n' "$path"
    else
      while IFS= read -r file; do one "$file"; done <"$list"
    fi
  fi
done
exit 0
