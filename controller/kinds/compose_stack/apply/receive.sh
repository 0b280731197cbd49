# Shared by the scripts of stacks: what they run docker with, and how files come.

umask 077
set -u
trap '' HUP PIPE
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; export PATH LC_ALL
nl='
'

# What stands in the environment of whoever is logged in, or of the controller, gets into no compose file.
clean() {
  env -i PATH="$PATH" HOME="${HOME:-/root}" LC_ALL=C COMPOSE_PROFILES="${profiles:-}" \
    ${DOCKER_HOST:+"DOCKER_HOST=$DOCKER_HOST"} ${DOCKER_CONFIG:+"DOCKER_CONFIG=$DOCKER_CONFIG"} "$@" </dev/null
}

# Into the folder $1, for each file: a line `MODE OWNER LENGTH PATH`, and its bytes; then `end`. Fewer bytes are an error.
receive() {
  while IFS= read -r line; do
    [ "$line" = end ] && return 0
    mode=${line%% *}; rest=${line#* }; owner=${rest%% *}; rest=${rest#* }; length=${rest%% *}; path=${rest#* }
    case $path in */*) mkdir -p "$1/${path%/*}" || return 1 ;; esac
    head -c "$length" >"$1/$path" || return 1
    [ "$(wc -c <"$1/$path")" -eq "$length" ] || return 1
    [ "$owner" = - ] || chown "$owner" "$1/$path" || { echo "$path cannot be given to $owner" >&2; return 1; }
    chmod "$mode" "$1/$path" || return 1
  done
  return 1
}

# Reads what compose is asked for from the folder $1: profiles; services that are meant to end; all services; compose files.
# $words holds them as compose's own words, a line each, since a path may hold blanks.
asked() {
  profiles=; onces=; services=; words=
  { IFS= read -r profiles; IFS= read -r onces; IFS= read -r services
    while IFS= read -r file; do words="$words-f$nl$file$nl"; done; } <"$1/ask"
}

# compose FOLDER WORDS…: with the compose files of $words, in the folder where it is run.
compose() {
  at=$1; shift
  (set -f; IFS=$nl; clean docker compose --ansi never --project-directory "$at" -p "$project" $words "$@")
}

# Compose's digest of each service, as it stands in the labels of containers: of the resolved file, since of the original
# one it is another where a service has an env_file. $1: a file for the resolved one; $2: the project's folder.
hashes() {
  resolved=$1; folder=$2
  compose "$folder" config >"$resolved" 2>"$resolved.said" || return 1
  (words="-f$nl$resolved$nl"; compose "$folder" config --hash '*' 2>"$resolved.said") |
    sed -n 's/^\([A-Za-z0-9._-]*\) \([0-9a-f]\{64\}\)$/hash \1 \2/p'
}
