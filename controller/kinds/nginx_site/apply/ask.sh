# Asks a site on another host, over the network, as others do. Run by `sh`.
# $1: what is asked, each ADDRESS|PORT|plain or tls|NAME, with spaces between them.
# Exit: 0 somebody answers, whatever they say; 89 nobody does, and why on standard error.

set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; export PATH LC_ALL
for one in $1; do
  IFS='|' read -r address port how name <<ASKED
$one
ASKED
  case $how in
    plain)
      command -v curl >/dev/null || continue
      said=$(curl -sS -o /dev/null -m 10 -H "Host: $name" "http://$address:$port/" 2>&1)
      ;;
    *)
      command -v openssl >/dev/null || continue
      said=$(timeout 10 openssl s_client -connect "$address:$port" -servername "$name" </dev/null 2>&1 >/dev/null)
      ;;
  esac
  [ $? -eq 0 ] && continue
  printf '%s is not answered at %s port %s: %s\n' "$name" "$address" "$port" "$said" >&2
  exit 89
done
