# Brings a stack to what its document says, or back to what it was.
# $1: its folder. $2: the project. $3: pull missing, always or never. $4: seconds to be ready. $5: running, stopped, or stamp:
# all is there, and only the receipt is written. $6: services whose images are built. $7: services to start anew.
# $8: the version. $9: rollback or nothing. ${10}: fresh, where nothing of it may be there, or nothing. ${11}: buildable,
# where images of it are built. Input: the files; those in .driftless/ are for this script: ask, sent, files, probes,
# definitions.
#
# In FOLDER/.driftless: good/ holds the files of the last version that was ready; receipt.json what was sent then, and what
# compose made of it; notes what was tried since.
#
# What happens if interrupted: files are in place one by one, whole; the receipt still tells of the former version, so
# that the next plan does it all again, and nothing of it twice. It does not end with the connection that began it.
# Exit: 0 ready; 79 to 84 and 89 nothing was changed; 85 it could not be brought up; 86 it was, and did not get ready; 87 so,
# and it went back to the version before; 88 so, and that is not ready either. Why on standard error.

dir=$1; project=$2; pull=$3; within=$4; state=$5; build=$6; restart=$7; version=$8; rollback=$9; fresh=${10}; buildable=${11}
us=$(id -u):$(id -g); own=$dir/.driftless; said=$own/said; probes=$own/order/probes
leave() { code=$1; shift; [ $# -gt 0 ] && printf '%s\n' "$@" >&2; rm -rf "$own/new" "$own/order" "$own/resolved.yaml" "$own/resolved.yaml.said" "$said"; exit "$code"; }
command -v docker >/dev/null || leave 81 "docker is not installed"
docker compose version >/dev/null 2>&1 || leave 82 "docker compose (version 2) is not installed"
(umask 022; mkdir -p "$dir") && mkdir -p "$own" && chmod 0700 "$own" || leave 80 "$dir cannot be made"
if command -v flock >/dev/null; then
  exec 8>"$own/lock" && flock -w 60 8 || leave 80 "another change of this stack has not ended for a minute"
fi
rm -rf "$own/new" "$own/order"
mkdir "$own/new" && receive "$own/new" || leave 80 "the files did not come whole: the disk may be full"
mv "$own/new/.driftless" "$own/order" && asked "$own/order" || leave 80 "what to do did not come whole"
[ ! -s "$probes" ] || [ -n "$(asks)" ] || leave 89 "neither curl nor wget is installed, with which the probes of ready are asked"
if [ -n "$fresh" ] && [ ! -e "$own/notes" ] && [ ! -e "$own/receipt.json" ] && [ -n "$(ids)" ]; then
  leave 79 "a project $project runs there already, and was not sent by driftless"
fi
touch "$own/notes"
note() { # note WORD VALUE: in place of what that word said; without a value it says nothing any more
  { grep -v "^$1 " "$own/notes"; [ $# -lt 2 ] || echo "$1 $2"; } >"$own/notes.new"; mv -f "$own/notes.new" "$own/notes"
}

check() {
  # As a whole beside the live files; where it needs what is only there, with the live folder around it.
  ( cd "$own/new" && { compose "$own/new" config -q || { [ ! -f .env ] || words="--env-file$nl$own/new/.env$nl$words"; compose "$dir" config -q; }; } ) >"$said" 2>&1 ||
    leave 84 "$(tail -n 6 "$said")"
  # What the names of images mean now: to go back, they have to mean it again.
  ids | xargs -r docker inspect -f '{{.Image}} {{.Config.Image}}' 2>/dev/null | sort -u >"$own/order/tags"
  ( cd "$own/new" || exit 1
    case $pull:$buildable in
      always:*) compose "$own/new" pull -q --ignore-buildable ;;
      missing:buildable) compose "$own/new" pull -q --ignore-buildable --policy missing ;;
      missing:) for image in $(compose "$own/new" config --images 2>/dev/null | sort -u); do
          docker image inspect "$image" >/dev/null 2>&1 || clean docker pull -q "$image" || exit 1
        done ;;
    esac ) >"$said" 2>&1 || leave 83 "$(tail -n 4 "$said")"
}

# Puts the files of the folder $1 in their places: all, or those that the file $2 lists. What was not there before is listed
# in order/added.
place() {
  { if [ $# -gt 1 ]; then cat "$2"; else (cd "$1" && find . -type f); fi; } | while IFS= read -r path; do
    path=${path#./}; to=$dir/$path
    case $path in .driftless/*) continue ;; esac
    [ ! -L "$to" ] || to=$(readlink -f "$to")
    [ -e "$to" ] || printf '%s\n' "$path" >>"$own/order/added"
    if cmp -s "$1/$path" "$to"; then
      # Whose it is, is the document's business where it says so.
      owner=$(stat -c %u:%g "$1/$path"); [ "$owner" = "$us" ] || chown "$owner" "$to"
      chmod "$(stat -c %a "$1/$path")" "$to"; continue
    fi
    (umask 022; mkdir -p "${to%/*}") || exit 1
    # Where a file was missing that a container mounts, the engine has made a folder.
    [ ! -d "$to" ] || rmdir "$to" 2>/dev/null
    cp -p "$1/$path" "$own/order/placing" && { sync "$own/order/placing" 2>/dev/null; mv -f -T "$own/order/placing" "$to"; } || exit 1
  done
}

# Says why in $why, with the container's log. $1: its id, or nothing.
tell() {
  why=$2
  [ -z "$1" ] || why="$why${nl}Its log ends with:$nl$(docker logs --tail 12 "$1" 2>&1 | cut -c1-300)"
  return 86
}

# Has compose do its work, and waits until all is ready. $1: images to be built. $2: when to pull.
bring() {
  before=$(ids)
  for service in $1; do
    compose "$dir" build -q "$service" >"$said" 2>&1 || { why="$service cannot be built: $(tail -n 12 "$said")"; return 85; }
  done
  if [ "$state" = stopped ]; then
    { compose "$dir" up --no-start && compose "$dir" stop; } >"$said" 2>&1 || { why=$(tail -n 12 "$said"); return 85; }
    return 0
  fi
  if ! compose "$dir" up -d --pull "$2" >"$said" 2>&1; then
    judge
    why=$(tail -n 4 "$said")
    [ -z "$bad" ] || { tell "$who" "$why$nl$bad"; return 86; }
    return 85
  fi
  for service in $restart; do
    for id in $(ids --filter "label=com.docker.compose.service=$service"); do
      case "$before" in *"$id"*) docker restart "$id" >/dev/null || { why="$service could not be started anew"; return 85; } ;; esac
    done
  done
  until=$(($(date +%s) + within))
  while judge; [ -n "$bad$waits" ]; do
    [ -z "$bad" ] || { tell "$who" "$bad"; return; }
    [ "$(date +%s)" -lt "$until" ] || { tell "$who" "$waits (after $within s)"; return; }
    sleep 0.3
  done
  # A container without a health check runs for a moment before it fails.
  first=$(counts); sleep 2; judge; second=$(counts)
  [ -z "$bad$waits" ] || { tell "$who" "${bad:-$waits}"; return; }
  [ "$first" = "$second" ] || { tell "$(printf '%s\n%s\n' "$first" "$second" | sort | uniq -u | head -n 1 | cut -d' ' -f1)" "a container ends again and again"; return; }
}

# Goes back to the last version that was ready: its files, what its images' names meant, its containers.
back() {
  [ -n "$rollback" ] && [ -e "$own/good/.driftless/ask" ] || return 1
  cause=$why
  while read -r id name; do
    case $name in sha256:*|*@*) ;; *) docker tag "$id" "$name" 2>/dev/null ;; esac
  done <"$own/order/tags"
  [ ! -e "$own/order/added" ] || while IFS= read -r path; do [ -e "$own/good/$path" ] || rm -f "$dir/$path"; done <"$own/order/added"
  place "$own/good" || leave 88 "$cause" "Its former files could not be put back."
  asked "$own/good/.driftless"; probes=$own/good/.driftless/probes
  kept=; for service in $restart; do case " $services " in *" $service "*) kept="$kept $service" ;; esac; done; restart=$kept
  cd "$dir" && bring '' missing || leave 88 "$cause" "The version before did not get ready either: $why"
  note trying; note failed "$version"
  leave 87 "$cause"
}

# What compose made of it. What a volume was made from stays what it was until another one is in its place.
things() {
  for kind in volume network; do
    case $kind in volume) id=.CreatedAt ;; *) id=.Id ;; esac
    docker $kind ls -q --filter "label=com.docker.compose.project=$project" 2>/dev/null |
      xargs -r docker $kind inspect -f '{{index .Labels "com.docker.compose.'$kind'"}} {{'$id'}} {{.Name}}' 2>/dev/null |
      while read -r key id name; do
        [ -n "$name" ] || continue
        definition=$(sed -n "s/^$kind $key //p" "$own/order/definitions")
        former=$(grep -o "\"$kind $key [^\"]*\"" "$own/receipt.json" 2>/dev/null | head -n 1 | tr -d '"')
        case $former in *" $id $name") echo "$former" ;; *) echo "$kind $key ${definition:--} $id $name" ;; esac
      done
  done
}
stamp() {
  hashes "$own/resolved.yaml" "$dir" >"$own/order/made" || leave 85 "$(tail -n 4 "$own/resolved.yaml.said")"
  things >>"$own/order/made"
  printf 'compose %s\n' "$(docker compose version --short 2>/dev/null)" >>"$own/order/made"
  { printf '{"schema":2,"sent":'; cat "$own/order/sent"; printf ',"made":['; sed 's/.*/"&",/' "$own/order/made"; printf '""]}\n'; } >"$own/receipt.new" &&
    mv -f "$own/order/files" "$own/files" && rm -rf "$own/good" && mv "$own/new" "$own/good" && mv "$own/order" "$own/good/.driftless" &&
    { sync "$own/receipt.new" 2>/dev/null; mv -f "$own/receipt.new" "$own/receipt.json"; } || leave 80 "the receipt could not be written in $own"
  note trying; note failed
}

if [ "$state" = stamp ]; then
  # What somebody wrote is kept where it is replaced by what means the same: comments go with other words.
  while IFS= read -r path; do
    to=$own/before/$path
    [ ! -f "$dir/$path" ] || { mkdir -p "${to%/*}" && cp -p "$dir/$path" "$to"; } || leave 80 "$path could not be kept"
  done <"$own/order/anew"
  place "$own/new" "$own/order/anew" || leave 80 "a file could not be put in its place in $dir"
else
  check
  note trying "$version"
  place "$own/new" || { why="a file could not be put in its place in $dir"; back; leave 80 "$why"; }
  cd "$dir" || leave 80 "$dir is not there"
  bring "$build" "$pull" || { code=$?; back; leave $code "$why"; }
fi
cd "$dir" || leave 80 "$dir is not there"
stamp
leave 0
