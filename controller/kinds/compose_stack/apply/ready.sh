# Whether a stack is ready: its containers, then its probes. Changes nothing.

# With everything that runs or has run of it: `ID SERVICE STATE STATUS…`.
look() { docker ps -a --no-trunc --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.oneoff=False --format '{{.ID}} {{.Label "com.docker.compose.service"}} {{.State}} {{.Status}}'; }
ids() { docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$project" "$@"; }
counts() { ids | xargs -r docker inspect -f '{{.Id}} {{.RestartCount}}' 2>/dev/null | sort; }

# Who is not ready: $bad for what will not get so by waiting, $waits for the rest, in words; $who is its container's id.
judge() {
  bad=; waits=; who=; all=$(look)
  for service in $services; do
    case "$all" in *" $service "*) ;; *) waits="$service has no container" ;; esac
  done
  while read -r id service now status; do
    case " $services " in *" $service "*) ;; *) continue ;; esac
    once=; case " $onces " in *" $service "*) once=1 ;; esac
    case $now:$once in
      exited:1) case $status in 'Exited (0)'*) ;; *) bad="$service has failed: $status"; who=$id; return ;; esac ;;
      running:1) waits="$service has not ended yet"; who=$id ;;
      running:) case $status in
          *'(unhealthy)'*) bad="$service is unhealthy"; who=$id; return ;;
          *'health: starting'*) waits="$service is not healthy yet"; who=$id ;;
        esac ;;
      exited:*) bad="$service has ended: $status. If it is meant to, name it in oneShot"; who=$id; return ;;
      restarting:*) waits="$service ends again and again: $status"; who=$id ;;
      *) waits="$service is $now"; who=$id ;;
    esac
  done <<EOF
$all
EOF
  [ -n "$waits" ] || [ ! -s "$probes" ] || probe
}

# What probes are asked with; nothing where the host has none of it. An address over TLS needs one of the first two.
asks() {
  if command -v curl >/dev/null; then echo curl
  elif command -v wget >/dev/null; then echo wget
  elif command -v bash >/dev/null && ! grep -q '^http [0-9]* https' "$probes"; then echo bash
  fi
}

probe() {
  while read -r kind want rest; do
    case $kind in
      http) got=$(status "$rest"); [ "$got" = "$want" ] || { waits="$rest answers ${got:-nothing}, not $want"; return; } ;;
      tcp) open "$rest" "$want" || { waits="nothing listens at $rest port $want"; return; } ;;
    esac
  done <"$probes"
}

# The status that an address answers with; redirects are not followed.
status() {
  case $(asks) in
    curl) code=$(curl -s -g -o /dev/null -m 5 -w '%{http_code}' -- "$1" </dev/null); [ "$code" = 000 ] || echo "$code" ;;
    wget) wget -q -S -O /dev/null -T 5 "$1" 2>&1 </dev/null | sed -n 's|^ *HTTP/[0-9.]* \([0-9][0-9][0-9]\).*|\1|p' | head -n 1 ;;
    bash) rest=${1#http://}; host=${rest%%/*}; path=/${rest#"$host"}; port=80
      case $host in *:*) port=${host##*:}; host=${host%:*} ;; esac
      timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" "$3" "$1" >&3 && head -n 1 <&3' - "$host" "$port" "/${path#//}" 2>/dev/null </dev/null |
        sed -n 's|^HTTP/[0-9.]* \([0-9][0-9][0-9]\).*|\1|p' ;;
  esac
}

# open HOST PORT
open() {
  if command -v bash >/dev/null; then timeout 3 bash -c '</dev/tcp/"$1"/"$2"' - "$1" "$2" 2>/dev/null
  elif command -v nc >/dev/null; then nc -z -w 3 "$1" "$2" </dev/null >/dev/null 2>&1
  else curl -s -m 3 "telnet://$1:$2" </dev/null >/dev/null; case $? in 0|28|48|49) ;; *) false ;; esac
  fi
}
