# Says what compose would make of a stack that is there and has no receipt, and which of its files are there. Changes nothing.
# $1: its folder. $2: the project. $3: the compose files that it runs by, a line each; $4: its files of variables, so too.
# Input: the files.
# Says `file SHA256 PATH`, `hash SERVICE DIGEST`, or `failed WHY`; `same` where compose makes the same of the files that it
# runs by; `variables BASE64` for an .env that is there.

dir=$1; project=$2; theirs=$3; variables=$4
tmp=$(mktemp -d) || exit 80
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/new" || exit 80
receive "$tmp/new" || { echo "the files did not come whole: the disk may be full" >&2; exit 80; }
mv "$tmp/new/.driftless" "$tmp/order" && asked "$tmp/order" || exit 80
(cd "$tmp/new" && find . -type f) | while IFS= read -r path; do
  path=${path#./}
  [ -f "$dir/$path" ] && printf 'file %s %s\n' "$(sha256sum <"$dir/$path" | cut -d' ' -f1)" "$path"
done
cd "$tmp/new" || exit 80
[ ! -f .env ] || words="--env-file$nl$tmp/new/.env$nl$words"
hashes "$tmp/resolved.yaml" "$dir" || { printf 'failed %s\n' "$(tail -n 1 "$tmp/resolved.yaml.said" | cut -c1-300)"; exit 0; }
[ ! -f "$dir/.env" ] || printf 'variables %s\n' "$(head -c 65536 "$dir/.env" | base64 | tr -d '\n')"
words=
while IFS= read -r file; do [ -z "$file" ] || words="$words--env-file$nl$file$nl"; done <<END
$variables
END
while IFS= read -r file; do [ -z "$file" ] || words="$words-f$nl$file$nl"; done <<END
$theirs
END
cd "$dir" 2>/dev/null && [ -n "$theirs" ] && compose "$dir" config >"$tmp/theirs.yaml" 2>/dev/null &&
  cmp -s "$tmp/resolved.yaml" "$tmp/theirs.yaml" && echo same
exit 0
