# One look at a host: read on standard input by `sh -s`. $1: the user that is logged in; then what is asked for besides:
# receipt:FOLDER, file:PATH, present:PATH, logins. Changes nothing, and ends by itself.
#
# Says a line a thing: a word, and base64. The last line is `end`: what lacks it was cut off.

put() { printf '%s ' "$1"; head -c "${2:-65536}" | base64 | tr -d '\n'; echo; }
within() { if command -v timeout >/dev/null 2>&1; then timeout "$@"; else shift; "$@"; fi; }
has() { command -v "$1" >/dev/null 2>&1; }

look() {
  user=$1; shift
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; export PATH LC_ALL
  umask 077
  cat /etc/os-release 2>/dev/null | put os
  { uname -s; uname -r; uname -m; uname -n; } | put kernel
  { cat /proc/uptime; cat /proc/loadavg; grep -c ^processor /proc/cpuinfo; } 2>/dev/null | put running
  cat /proc/meminfo 2>/dev/null | put memory
  within 4 df -P -T -k 2>/dev/null | put disks
  within 4 df -P -T -i 2>/dev/null | put inodes
  { [ -e /var/run/reboot-required ] && { echo pending; cat /var/run/reboot-required.pkgs; }; } 2>/dev/null | put reboot
  { if [ -e /var/lib/cloud/instance/boot-finished ]; then echo finished; cat /run/cloud-init/result.json
    elif [ -d /run/cloud-init ] && [ -d /var/lib/cloud/instance ]; then echo runs; fi; } 2>/dev/null | put cloud
  if has dpkg-query; then
    dpkg-query -W -f '${Package}\t${Version}\t${db:Status-Status}\n' docker.io docker-ce docker-compose docker-compose-v2 \
      docker-compose-plugin nginx nginx-core nginx-light nginx-full nginx-extras certbot curl 2>/dev/null
  fi | put packages
  { has docker && echo docker; has nginx && echo nginx; has certbot && echo certbot; has sudo && echo sudo; has apt-get && echo apt-get; true; } | put programs
  has docker && within 5 docker compose version --short 2>/dev/null | put compose 4096
  if has nginx; then
    nginx -v 2>&1 | put nginx 4096
    { pid=$(cat /run/nginx.pid 2>/dev/null) && kill -0 "$pid" && echo "$pid"; } 2>/dev/null | put master 4096
  fi
  if has ss; then ss -H -l -n -t -u -p 2>/dev/null; fi | put listening 262144
  home=$(getent passwd "$user" 2>/dev/null | cut -d: -f6)
  echo "$home" | put home 4096
  tree=etc/nginx
  if [ -d /$tree ]; then
    (cd / && find $tree -xdev \( -type d -o -type l -o -type f -size -512k \) ! -name '*.key' ! -name '*privkey*' -print0 2>/dev/null |
      tr '\n\000' '\000\n' | head -n 4000 | tr '\n\000' '\000\n' | tar --null -T - --no-recursion -cf - 2>/dev/null) | put nginx-tree 8388608
  fi
  { for pem in /etc/letsencrypt/live/*/fullchain.pem; do
      # What is put aside is renewed by nobody, and used by nothing.
      [ -r "$pem" ] && lineage=${pem%/*} && [ ! -e "/etc/letsencrypt/renewal/${lineage##*/}.conf.ended" ] && echo "$pem"
    done
    [ -d /$tree ] && grep -rhoE '^[[:space:]]*ssl_certificate[[:space:]]+[^;$]+' /$tree 2>/dev/null |
      sed -e 's/^[[:space:]]*ssl_certificate[[:space:]]*//' -e 's/[[:space:]]*$//' -e 's/^"\(.*\)"$/\1/' -e 's|^\([^/]\)|/etc/nginx/\1|'
  } | sort -u | head -n 500 | while IFS= read -r pem; do
    [ -r "$pem" ] && [ -f "$pem" ] && awk -v file="$pem" 'BEGIN { print "#file " file } /-----BEGIN CERTIFICATE-----/ { on = 1 } on { print } /-----END CERTIFICATE-----/ { exit }' "$pem"
  done 2>/dev/null | put certificates 4194304
  cat /var/lib/driftless/certificates.ours 2>/dev/null | put ours
  for asked in "$@"; do
    case $asked in
      receipt:*)
        folder=${asked#receipt:}
        [ -d "$folder/.driftless" ] || continue
        printf '%s' "$folder" | put receipt 4096
        head -c 1048576 "$folder/.driftless/receipt.json" 2>/dev/null | put receipt-text 1048576
        cat "$folder/.driftless/notes" 2>/dev/null | put receipt-notes 65536
        [ -r "$folder/.driftless/files" ] && (cd "$folder" && xargs -r -d '\n' stat -L -c '%a %u:%g %n' -- <.driftless/files 2>/dev/null) | put receipt-modes 4194304
        [ -r "$folder/.driftless/files" ] && (cd "$folder" && xargs -r -d '\n' sha256sum -- <.driftless/files 2>/dev/null) | put receipt-digests 4194304
        ;;
      file:*)
        file=${asked#file:}
        case $file in '~/'*) file=$home/${file#'~/'} ;; esac
        [ -f "$file" ] || continue
        printf '%s' "${asked#file:}" | put file 4096
        stat -L -c '%a %U:%G' -- "$file" 2>/dev/null | put file-mode 4096
        head -c 262144 -- "$file" 2>/dev/null | put file-text 262144
        ;;
      present:*) file=${asked#present:}; [ -f "$file" ] && [ -r "$file" ] || printf '%s' "$file" | put missing 4096 ;;
      logins) head -c 262144 "${DOCKER_CONFIG:-${HOME:-/root}/.docker}/config.json" 2>/dev/null | put logins 262144 ;;
    esac
  done
  echo end
}
