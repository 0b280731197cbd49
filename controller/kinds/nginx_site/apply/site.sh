# Changes one site of this host's nginx, or leaves everything as it was. Run by `sh`.
# $1: the file's name. $2: write, disable or delete. $3: what stands there now: none, any, or a SHA-256.
# $4: the names that it serves; for delete, the certificates at certbot that it was served with. $5: where it is asked afterwards, each ADDRESS|PORT|plain or tls|NAME.
# Input, for write: the length in bytes of the text for nginx 1.25.1 and later, a line break, that text, the text for older ones.
# What happens if interrupted: signals of a lost connection are ignored, so that it ends by itself, one way or the other.
# Exit: 0 done; 81 to 89 nothing changed, or all put back, and why on standard error.

umask 022
set -u
trap '' HUP PIPE
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; export PATH LC_ALL
file=$1; action=$2; before=$3; names=$4; asked=$5
conf=/etc/nginx; available=$conf/sites-available; enabled=$conf/sites-enabled
unread=$conf/.driftless-unread
stage=
placed=

leave() { code=$1; shift; [ $# -gt 0 ] && printf '%s\n' "$@" >&2; [ -n "$stage" ] && rm -rf "$stage"; exit "$code"; }
command -v nginx >/dev/null || leave 81 "nginx is not installed"
[ -f $conf/nginx.conf ] || leave 81 "there is no $conf/nginx.conf"
# One change at a time: a test of one candidate is no test of two.
if command -v flock >/dev/null; then
  exec 8>/run/driftless-nginx.lock && flock -w 60 8 || leave 82 "another change of nginx has not ended for a minute"
fi
mkdir -p $available $enabled || leave 82 "the folders of sites cannot be made"
find $conf -maxdepth 1 -name '.driftless.*' -mmin +60 -exec rm -rf {} + 2>/dev/null
stage=$(mktemp -d $conf/.driftless.XXXXXX) || leave 82 "no folder can be made in $conf: the disk may be full"

if [ "$action" = write ]; then
  read -r length
  head -c "$length" >"$stage/new" && cat >"$stage/old" || leave 82 "the text could not be written: the disk may be full"
  version=$(nginx -v 2>&1 | sed -n 's|.*nginx/\([0-9][0-9.]*\).*|\1|p')
  form=new
  [ "$(printf '1.25.1\n%s\n' "${version:-9}" | sort -V | head -n 1)" = 1.25.1 ] || form=old
  printf 'form %s\n' $form
  candidate=$stage/$form
fi

# What stands there must be what the plan saw.
is_written() { [ "$action" = write ] && [ "$(sha256sum <"$now")" = "$(sha256sum <"$candidate")" ]; }
now=$available/$file
[ -f "$enabled/$file" ] && [ ! -L "$enabled/$file" ] && now=$enabled/$file
case $before in
  any) ;;
  # What was written before an answer was lost is the same as what is to be written.
  none) [ ! -s "$now" ] || is_written || leave 83 "$now is there by now" ;;
  *) is_written || [ "$(sha256sum "$now" 2>/dev/null | cut -d' ' -f1)" = "$before" ] || leave 83 "$now was changed since it was looked at" ;;
esac

# Whether nginx takes what is there already: if not, that is another's fault, and no reason to take anything back.
sound=
nginx -t >"$stage/live" 2>&1 && sound=yes

# Beside the live tree: the same nginx.conf, the same everything, but for this one site.
beside() {
  mkdir "$stage/tree" "$stage/tree/sites-enabled" || return 1
  for one in $conf/*; do
    case ${one##*/} in nginx.conf | sites-enabled) ;; *) ln -s "$one" "$stage/tree/" || return 1 ;; esac
  done
  for one in $enabled/*; do
    [ "${one##*/}" = "$file" ] || { [ -e "$one" ] && ln -s "$one" "$stage/tree/sites-enabled/"; }
  done
  [ "$action" != write ] || ln -s "$candidate" "$stage/tree/sites-enabled/$file" || return 1
  sed "s|$conf/sites-enabled/|$stage/tree/sites-enabled/|g" $conf/nginx.conf >"$stage/tree/nginx.conf"
}
told() { sed -e "s|$stage/tree/sites-enabled/|$enabled/|g" -e "s|$stage/tree/|$conf/|g" -e "s|$enabled/$file\\b|$available/$file|g" "$stage/said"; }
beside || leave 82 "the site cannot be tried beside the others: the disk may be full"
grep -q sites-enabled "$stage/tree/nginx.conf" || [ "$action" != write ] ||
  leave 84 "$conf/nginx.conf does not include sites-enabled, so that no site there is served"
if ! nginx -t -c "$stage/tree/nginx.conf" >"$stage/said" 2>&1; then
  [ -z "$sound" ] || leave 86 "$(told)"
  # Where others are refused, too, it is good if it is by itself: so that two that are broken can be mended, one by one.
  for one in "$stage/tree/sites-enabled"/*; do [ "${one##*/}" = "$file" ] || rm -f "$one"; done
  [ "$action" = write ] && nginx -t -c "$stage/tree/nginx.conf" >"$stage/said" 2>&1 ||
    leave 85 "nginx refuses what is there already:" "$(cat "$stage/live")"
fi
if [ "$action" = write ]; then
  for name in $names; do
    grep -F "conflicting server name \"$name\"" "$stage/said" >"$stage/conflict" && leave 87 "$(cat "$stage/conflict")"
  done
fi

# The former state, beside: what puts it back needs no room on the disk.
link=
[ -L "$enabled/$file" ] && link=$(readlink "$enabled/$file")
[ -f "$available/$file" ] && { ln "$available/$file" "$stage/former" || leave 82 "the former file cannot be kept"; }
[ -f "$enabled/$file" ] && [ ! -L "$enabled/$file" ] && { ln "$enabled/$file" "$stage/copied" || leave 82 "the former file cannot be kept"; }
back() {
  if [ -e "$stage/former" ]; then mv -fT "$stage/former" "$available/$file"; else rm -f "$available/$file"; fi
  if [ -e "$stage/copied" ]; then mv -fT "$stage/copied" "$enabled/$file"
  elif [ -n "$link" ]; then ln -s "$link" "$stage/relink" && mv -fT "$stage/relink" "$enabled/$file"
  else rm -f "$enabled/$file"; fi
}
trap hurry TERM
workers() { cat "/proc/$1/task/$1/children" 2>/dev/null || pgrep -P "$1" 2>/dev/null | tr '\n' ' '; }
master() { pid=$(cat /run/nginx.pid 2>/dev/null) && [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && echo "$pid"; }
# Has nginx read everything anew, and waits for workers that were not there before: exit 0 of a reload proves nothing.
reload() {
  pid=$(master) || { start; return; }
  was=" $(workers "$pid") "
  log=$(wc -c </var/log/nginx/error.log 2>/dev/null || echo 0)
  nginx -s reload >"$stage/said" 2>&1 8>&- || return 1
  tries=0
  while [ $tries -lt 100 ]; do
    for worker in $(workers "$pid"); do
      case $was in *" $worker "*) ;; *) printf 'workers %s\n' "$worker"; return 0 ;; esac
    done
    tries=$((tries + 1)); sleep 0.05
  done
  tail -c +$((log + 1)) /var/log/nginx/error.log 2>/dev/null | grep -E '\[(emerg|alert|crit)\]' | tail -n 5 >"$stage/said"
  [ -s "$stage/said" ] || echo "no new worker came up within 5 s" >"$stage/said"
  return 1
}
start() {
  if [ -d /run/systemd/system ]; then systemctl start nginx >"$stage/said" 2>&1 8>&-; else nginx >"$stage/said" 2>&1 8>&-; fi || return 1
  tries=0
  until master >/dev/null; do tries=$((tries + 1)); [ $tries -lt 100 ] || return 1; sleep 0.05; done
  echo started
}
# Whoever asked gave up: the files are as before, whatever nginx makes of that.
hurry() { [ -z "$placed" ] || { back; nginx -s reload; } >/dev/null 2>&1; leave 82 "it took too long"; }
undo() {
  code=$1; shift; why=$(told); back
  if nginx -t >/dev/null 2>&1; then reload >/dev/null
  elif [ "$code" = 86 ]; then code=85; set -- "nginx refuses what is there already:"; fi
  leave "$code" "$@" "$why"
}

placed=yes
case $action in
  write)
    chmod 644 "$candidate"; sync "$candidate" 2>/dev/null
    { mv -fT "$candidate" "$available/$file" && ln -s "../sites-available/$file" "$stage/link" && mv -fT "$stage/link" "$enabled/$file"; } 2>"$stage/said" ||
      undo 82 "the site could not be put in its place:"
    ;;
  disable) rm -f "$enabled/$file" ;;
  delete) rm -f "$enabled/$file" "$available/$file" ;;
esac
if ! nginx -t >"$stage/said" 2>&1; then
  [ -z "$sound" ] && [ "$action" = write ] || undo 86 "nginx refuses it in its place:"
  # It stays there for the day that the others are mended, and until then it is known that nginx has not read it.
  grep -qxF "$file" $unread 2>/dev/null || printf '%s\n' "$file" >>$unread
  leave 85 "nginx refuses what is there already:" "$(told)"
fi
if [ "$action" = write ] || master >/dev/null; then reload || undo 88 "nginx did not take it:"; fi
rm -f $unread

# What renews a certificate is put aside where nothing here uses that any more and it came to be here by us. It stays where
# it is, and comes back into use with the next site that asks for it (certificate.sh, bring.sh).
put_aside() {
  renewal=/etc/letsencrypt/renewal/$1.conf
  [ -f "$renewal" ] && grep -qxF "$1" /var/lib/driftless/certificates.ours 2>/dev/null || return 0
  grep -rqsF "/live/$1/" $conf && return 0
  nginx -T 2>/dev/null | grep -qF "/live/$1/" && return 0
  mv -f "$renewal" "$renewal.ended" && printf 'renewed no longer %s\n' "$1"
}
if [ "$action" = delete ]; then
  rm -rf "$stage"; stage=
  for name in $names; do put_aside "$name"; done
  leave 0
fi

# Somebody must answer; what they answer is theirs.
plain() {
  curl -sS -o /dev/null -m 5 -w '%{http_code}' -H "Host: $3" "http://$1:$2/" 2>"$stage/said" || { code=$?; case $code in 28 | 52) echo slow ;; *) return 1 ;; esac; }
}
shaken() {
  timeout 5 openssl s_client -connect "$1:$2" -servername "$3" </dev/null >"$stage/shaken" 2>"$stage/said"
  case $? in 0) sed -n 's/^subject= *//p' "$stage/shaken" ;; 124) echo slow ;; *) return 1 ;; esac
}
for one in $asked; do
  IFS='|' read -r address port how name <<ASKED
$one
ASKED
  case $how in
    plain) command -v curl >/dev/null || continue; said=$(plain "$address" "$port" "$name") || undo 89 "$name is not answered at $address port $port:" ;;
    *) command -v openssl >/dev/null || continue; said=$(shaken "$address" "$port" "$name") || undo 89 "$name is not answered at $address port $port over https:" ;;
  esac
  printf 'asked %s %s %s\n' "$port" "$name" "$(printf '%s' "$said" | tr -d '\r\n')"
done
leave 0
