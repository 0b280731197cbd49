# Starts containers that have stopped, or starts ailing ones anew, and notes it first: what is counted is what was tried.
# $1: the stack's folder. $2: the service. $3: start or restart. $4: now, in seconds since 1970. Then the containers' ids.

umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; export PATH LC_ALL
dir=$1; service=$2; verb=$3; now=$4; shift 4
notes=$dir/.driftless/notes
{ while read -r word at rest; do
    [ "$word" = healed ] && [ "$((now - at))" -gt 3600 ] || printf '%s %s%s\n' "$word" "$at" "${rest:+ $rest}"
  done <"$notes"
} 2>/dev/null >"$notes.new"
printf 'healed %s %s\n' "$now" "$service" >>"$notes.new" && mv -f "$notes.new" "$notes" || exit 80
for id in "$@"; do
  case $verb in
    start) docker unpause "$id" >/dev/null 2>&1; docker start "$id" >/dev/null || exit 85 ;;
    restart) docker restart "$id" >/dev/null || exit 85 ;;
  esac
done
