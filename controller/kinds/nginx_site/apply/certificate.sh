# Gets one certificate from its issuer by certbot, or says why not. Run by `sh`.
# $1: its name. $2: the issuer's directory. $3: the account's mail address, or nothing. $4: the folder for proofs.
# $5: keep, where one that is good for a while may stay; renew, where a new one is wanted. Then every name.
# Each attempt is written down before it is made, so that an interrupted one counts.
# Exit: 0 done; 75 and 76 not tried, with the seconds to wait on standard output; 77 refused, and why on standard error.

umask 022
set -u
trap '' HUP PIPE
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin; LC_ALL=C; export PATH LC_ALL
name=$1; directory=$2; mail=$3; webroot=$4; how=$5; shift 5
leave() { code=$1; shift; [ $# -gt 0 ] && printf '%s\n' "$@" >&2; exit "$code"; }
command -v certbot >/dev/null || leave 79 "certbot is not installed"
if command -v flock >/dev/null; then
  exec 8>/run/driftless-certbot.lock && flock -w 200 8 || leave 78 "another certificate has been waited for for minutes"
fi
state=/var/lib/driftless
mkdir -p $state "$webroot/.well-known/acme-challenge" || leave 78 "no folder can be made: the disk may be full"
chmod 755 "$webroot" "$webroot/.well-known" "$webroot/.well-known/acme-challenge" 2>/dev/null
ledger=$state/certificates.ledger
touch $ledger || leave 78 "$ledger cannot be written: the disk may be full"
now=$(date +%s)
set_of=$(printf '%s\n' "$directory" "$@" | sort | sha256sum | cut -c 1-16)

# Let's Encrypt allows 5 failures an hour and account and name, and 5 certificates a week of the same names: one is left.
wait_for() { # what, since, how many: seconds until the oldest that counts has passed
  awk -v want="$1" -v set="$set_of" -v from=$((now - $2)) -v most="$3" -v now="$now" -v span="$2" '
    $2 == want && $3 == set && $1 > from { at[++n] = $1 } END { if (n >= most) print at[n - most + 1] + span - now; else print 0 }' $ledger
}
failed=$(wait_for failed 3600 4)
[ "$failed" -eq 0 ] || { echo "$failed"; leave 75 "it failed four times within an hour"; }
got=$(wait_for got 604800 4)
[ "$got" -eq 0 ] || { echo "$got"; leave 76 "four certificates for the same names were got within a week"; }

live=/etc/letsencrypt/live/$name/fullchain.pem
serial() { openssl x509 -in "$live" -noout -serial -enddate 2>/dev/null | tr '\n' ' '; }
was=$(serial)
renewal=/etc/letsencrypt/renewal/$name.conf
ours=$state/certificates.ours
touch $ours
new=
# It was put aside when nothing used it any more (site.sh).
if [ -f "$renewal.ended" ]; then
  if [ -e "$renewal" ]; then rm -f "$renewal.ended"; else mv -f "$renewal.ended" "$renewal"; fi
fi
# What comes to be here by us may go by us. Written first, so that an interruption leaves nothing without its name.
if [ ! -e "$renewal" ] && [ ! -e "$live" ]; then
  new=yes
  grep -qxF "$name" $ours || printf '%s\n' "$name" >>$ours
fi
printf '%s failed %s %s\n' "$now" "$set_of" "$name" >>$ledger
for one in "$@"; do set -- "$@" -d "$one"; shift; done
[ -n "$mail" ] && set -- "$@" --email "$mail" || set -- "$@" --register-unsafely-without-email
[ "$how" = renew ] && set -- "$@" --force-renewal || set -- "$@" --keep-until-expiring
said=$(certbot certonly --webroot -w "$webroot" --cert-name "$name" --server "$directory" --non-interactive --agree-tos \
  --renew-with-new-domains --deploy-hook 'nginx -t -q && nginx -s reload' "$@" 2>&1 </dev/null 8>&-)
code=$?
is=$(serial)
if [ -n "$new" ] && [ -z "$is" ]; then
  # Nothing that is left is no error, and a full disk is one.
  grep -vxF "$name" $ours >$ours.new
  [ $? -gt 1 ] || mv -f $ours.new $ours
fi
[ $code -eq 0 ] || leave 77 "$(printf '%s\n' "$said" | grep -vE '^(Saving debug log|Ask for help|- - -|$)' | tail -n 12)"
[ -n "$is" ] || leave 77 "certbot says that all is well, and $live is not there"
if [ "$is" = "$was" ] && [ "$how" = renew ]; then leave 77 "certbot says that all is well, and the certificate is the same as before"; fi
# The attempt did not fail: it is written anew, and the file swapped, so that an interruption leaves one or the other.
result=kept
[ "$is" = "$was" ] || result=got
awk -v at="$now" -v set="$set_of" -v as="$result" '$1 == at && $2 == "failed" && $3 == set && !done { $2 = as; done = 1 } { print }' $ledger |
  tail -n 500 >$ledger.new && mv -f $ledger.new $ledger
printf '%s\n' "$is"
