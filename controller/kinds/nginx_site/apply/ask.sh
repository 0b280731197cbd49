# Asks a site on another host, over the network, as others do, and holds the answer against what this host gives. Run by `sh`.
# $1: what is asked, each ADDRESS|PORT|plain or tls|NAME, with spaces between them.
# Exit: 0 somebody answers, and not with an error of theirs where this host has none; 89 not so, and why on standard error.

set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; export PATH LC_ALL
leave() { printf '%s\n' "$1" >&2; exit 89; }
# Which certificate is shown is not asked here: by an address, none is asked for.
status() { curl -ksS -o /dev/null -m 10 -w '%{http_code}' -H "Host: $3" "$1://$2/" 2>/dev/null; }
for one in $1; do
  IFS='|' read -r address port how name <<ASKED
$one
ASKED
  scheme=http
  if [ "$how" = tls ]; then
    scheme=https
    if command -v openssl >/dev/null; then
      said=$(timeout 10 openssl s_client -connect "$address:$port" -servername "$name" </dev/null 2>&1 >/dev/null) ||
        leave "$name is not answered at $address port $port over https: $said"
    fi
  fi
  command -v curl >/dev/null || continue
  there=$(status $scheme "$address:$port" "$name") || leave "$name is not answered at $address port $port"
  [ "$there" -ge 500 ] || continue
  here=$(status $scheme "127.0.0.1:$port" "$name") || continue
  [ "$here" -ge 500 ] || leave "$name is answered at $address port $port with $there, and here with $here"
done
