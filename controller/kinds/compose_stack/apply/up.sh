# Brings a stack to what its document says.
# $1: its folder. $2: the project. $3: profiles, with commas. $4: missing, always or never. $5: seconds to be ready.
# $6: running or stopped. $7: build or nothing. $8: services to start anew. $9: services that are meant to end.
# ${10}: all services. Then -f FILE for each compose file. Input: the files.
# What happens if interrupted: files are in place one by one, whole; the receipt still tells of the former version, so
# that the next plan does it all again, and nothing of it twice.
# Says `hash SERVICE DIGEST`, `image SERVICE ID`, `compose VERSION`.
# Exit: 0 ready; 80 to 84 nothing was changed; 85 and 86 it was, and is not ready; why on standard error.

dir=$1; project=$2; profiles=$3; pull=$4; within=$5; state=$6; build=$7; restart=$8; onces=$9; services=${10}; shift 10
own=$dir/.driftless
leave() { code=$1; shift; [ $# -gt 0 ] && printf '%s\n' "$@" >&2; rm -rf "$own/new" "$own/resolved.yaml" "$own/resolved.yaml.said"; exit "$code"; }
command -v docker >/dev/null || leave 81 "docker is not installed"
docker compose version >/dev/null 2>&1 || leave 82 "docker compose (version 2) is not installed"
(umask 022; mkdir -p "$dir") && mkdir -p "$own" && chmod 0700 "$own" || leave 80 "$dir cannot be made"
if command -v flock >/dev/null; then
  exec 8>"$own/lock" && flock -w 60 8 || leave 80 "another change of this stack has not ended for a minute"
fi
rm -rf "$own/new"
mkdir "$own/new" && receive "$own/new" || leave 80 "the files did not come whole: the disk may be full"

# As a whole beside the live files; where it needs what is only there, with the live folder around it.
said=$own/new.said
( cd "$own/new" && { compose "$own/new" "$@" config -q || { [ ! -f .env ] || set -- --env-file "$own/new/.env" "$@"; compose "$dir" "$@" config -q; }; } ) >"$said" 2>&1 ||
  leave 84 "$(tail -n 6 "$said"; rm -f "$said")"
( cd "$own/new" || exit 1
  case $pull:$build in
    always:*) compose "$own/new" "$@" pull -q --ignore-buildable ;;
    missing:) for image in $(compose "$own/new" "$@" config --images 2>/dev/null | sort -u); do
        docker image inspect "$image" >/dev/null 2>&1 || clean docker pull -q "$image" || exit 1
      done ;;
  esac ) >"$said" 2>&1 || leave 83 "$(tail -n 4 "$said"; rm -f "$said")"

(cd "$own/new" && find . -type f) | while IFS= read -r path; do
  path=${path#./}; to=$dir/$path
  [ ! -L "$to" ] || to=$(readlink -f "$to")
  if cmp -s "$own/new/$path" "$to"; then chmod "$(stat -c %a "$own/new/$path")" "$to"; continue; fi
  (umask 022; mkdir -p "${to%/*}") || exit 1
  # Where a file was missing that a container mounts, the engine has made a folder.
  [ ! -d "$to" ] || rmdir "$to" 2>/dev/null
  sync "$own/new/$path" 2>/dev/null
  mv -f -T "$own/new/$path" "$to" || exit 1
done || leave 80 "a file could not be put in its place in $dir"
rm -rf "$own/new"

ids() { docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$project" "$@"; }
before=$(ids)
cd "$dir" || leave 80 "$dir is not there"
if [ "$state" = stopped ]; then
  { compose "$dir" "$@" up --no-start ${build:+--build} && compose "$dir" "$@" stop; } >"$said" 2>&1 || leave 85 "$(tail -n 12 "$said"; rm -f "$said")"
fi

look() { docker ps -a --no-trunc --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.oneoff=False --format '{{.ID}} {{.Label "com.docker.compose.service"}} {{.State}} {{.Status}}'; }
counts() { ids | xargs -r docker inspect -f '{{.Id}} {{.RestartCount}}' 2>/dev/null | sort; }
# Who is not ready: $bad for what will not get so by waiting, $waits for the rest, each with the container's id.
judge() {
  bad=; waits=; all=$(look)
  for service in $services; do
    case "$all" in *" $service "*) ;; *) waits="- $service has no container" ;; esac
  done
  while read -r id service now status; do
    case " $services " in *" $service "*) ;; *) continue ;; esac
    once=; case " $onces " in *" $service "*) once=1 ;; esac
    case $now:$once in
      exited:1) case $status in 'Exited (0)'*) ;; *) bad="$id $service has failed: $status" ;; esac ;;
      running:1) waits="$id $service has not ended yet" ;;
      running:) case $status in
          *'(unhealthy)'*) bad="$id $service is unhealthy" ;;
          *'health: starting'*) waits="$id $service is not healthy yet" ;;
        esac ;;
      exited:*) bad="$id $service has ended: $status. If it is meant to, name it in oneShot" ;;
      restarting:*) waits="$id $service ends again and again: $status" ;;
      *) waits="$id $service is $now" ;;
    esac
  done <<EOF
$all
EOF
}
fail() { # fail ID WORDS…
  id=$1; shift
  echo "$*" >&2
  case $id in ?????*) echo "Its log ends with:" >&2; docker logs --tail 12 "$id" 2>&1 | cut -c1-300 >&2 ;; esac
  leave 86
}

if [ "$state" = running ]; then
  if ! compose "$dir" "$@" up -d --pull "$pull" ${build:+--build} >"$said" 2>&1; then
    judge
    tail -n 4 "$said" >&2
    # shellcheck disable=SC2086
    [ -z "$bad" ] || fail $bad
    leave 85
  fi
  for service in $restart; do
    for id in $(ids --filter "label=com.docker.compose.service=$service"); do
      case "$before" in *"$id"*) docker restart "$id" >/dev/null || leave 85 "$service could not be started anew" ;; esac
    done
  done
  until=$(($(date +%s) + within))
  while judge; [ -n "$bad$waits" ]; do
    # shellcheck disable=SC2086
    [ -z "$bad" ] || fail $bad
    # shellcheck disable=SC2086
    [ "$(date +%s)" -lt $until ] || fail $waits "(after $within s)"
    sleep 0.3
  done
  # A container without a health check runs for a moment before it fails.
  first=$(counts); sleep 2; judge; second=$(counts)
  # shellcheck disable=SC2086
  [ -z "$bad$waits" ] || fail ${bad:-$waits}
  [ "$first" = "$second" ] || fail "$(printf '%s\n%s\n' "$first" "$second" | sort | uniq -u | head -n 1 | cut -d' ' -f1)" "a container ends again and again"
fi
rm -f "$said"
hashes "$own/resolved.yaml" "$dir" "$@" || leave 85 "$(tail -n 4 "$own/resolved.yaml.said")"
look | while read -r id service rest; do printf 'image %s %s\n' "$service" "$(docker inspect -f '{{.Image}}' "$id")"; done
printf 'compose %s\n' "$(docker compose version --short 2>/dev/null)"
leave 0
