# Puts a certificate in its place at certbot, as certbot itself adds a version, with what it is renewed by. Run by `sh`.
# $1: its name. $2: the issuer's directory. $3: the folder for proofs. Then every name that it is for.
# Input: what take.sh gave. How it is renewed is written here and not taken from there: a renewal runs commands as root.
# What happens if interrupted: the links change last, one by one, and a second time does the same again.
# Exit: 0 done; 72 not all of it came; 78 nothing was changed, and why on standard error.

umask 077
set -u
trap '' HUP PIPE
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin; LC_ALL=C; export PATH LC_ALL
name=$1; directory=$2; webroot=$3; shift 3
root=/etc/letsencrypt; live=$root/live/$name; archive=$root/archive/$name
stage=
leave() { code=$1; shift; [ $# -gt 0 ] && printf '%s\n' "$@" >&2; [ -n "$stage" ] && rm -rf "$stage"; exit "$code"; }
if command -v flock >/dev/null; then
  exec 8>/run/driftless-certbot.lock && flock -w 200 8 || leave 78 "another certificate has been waited for for minutes"
fi
(umask 022; mkdir -p $root/renewal) && mkdir -p "$live" "$archive" || leave 78 "no folder can be made in $root: the disk may be full"
find $root -maxdepth 1 -name '.driftless.*' -mmin +60 -exec rm -rf {} + 2>/dev/null
stage=$(mktemp -d $root/.driftless.XXXXXX) || leave 78 "no folder can be made in $root: the disk may be full"

account=
whole=
put() { printf '%s' "$data" | base64 -d >"$1" || leave 78 "it could not be written: the disk may be full"; }
while read -r what data; do
  case $what in
    cert | chain | fullchain | privkey) put "$stage/$what.pem" ;;
    account) account=$data ;;
    account.private_key | account.regr | account.meta) put "$stage/${what#account.}.json" ;;
    end) whole=yes ;;
    *) leave 72 "what came is no certificate" ;;
  esac
done
[ "$whole" = yes ] && [ -s "$stage/fullchain.pem" ] && [ -s "$stage/privkey.pem" ] || leave 72 "not all of it came"
case $account in *[!0-9a-f]*) account= ;; esac

# An account that is here already serves as well.
accounts=$root/accounts/${directory#https://}
own=
for one in "$accounts"/*; do [ -f "$one/private_key.json" ] && own=${one##*/}; done
if [ -n "$own" ]; then
  account=$own
elif [ -n "$account" ]; then
  mkdir -p "$accounts/$account" || leave 78 "no folder can be made in $root: the disk may be full"
  chmod 400 "$stage/private_key.json"
  for one in private_key regr meta; do
    mv -f "$stage/$one.json" "$accounts/$account/$one.json" || leave 78 "the account could not be put in its place"
  done
fi

# A renewal that is told no kind of key makes one of RSA, whatever there was.
kind=
case $(openssl x509 -in "$stage/fullchain.pem" -noout -text 2>/dev/null | sed -n 's/^ *Public Key Algorithm: *//p') in
  id-ecPublicKey) kind=ecdsa ;;
  rsaEncryption) kind=rsa ;;
esac
{
  printf 'archive_dir = %s\n' "$archive"
  for one in cert privkey chain fullchain; do printf '%s = %s/%s.pem\n' $one "$live" $one; done
  printf '\n[renewalparams]\n'
  [ -z "$account" ] || printf 'account = %s\n' "$account"
  [ -z "$kind" ] || printf 'key_type = %s\n' "$kind"
  printf 'authenticator = webroot\nwebroot_path = %s,\nserver = %s\n' "$webroot" "$directory"
  printf 'renew_hook = nginx -t -q && nginx -s reload\n[[webroot_map]]\n'
  for one in "$@"; do printf '%s = %s\n' "$one" "$webroot"; done
} >"$stage/renewal.conf" || leave 78 "it could not be written: the disk may be full"

# What comes to be here by us may go by us (site.sh).
ours=/var/lib/driftless/certificates.ours
if [ ! -e "$root/renewal/$name.conf" ] && [ ! -e "$root/renewal/$name.conf.ended" ] && [ ! -e "$live/fullchain.pem" ]; then
  mkdir -p "${ours%/*}" && touch $ours || leave 78 "no folder can be made: the disk may be full"
  grep -qxF "$name" $ours || printf '%s\n' "$name" >>$ours
fi
sum() { sha256sum <"$1" 2>/dev/null; }
if [ ! -e "$live/fullchain.pem" ] || [ "$(sum "$live/fullchain.pem")" != "$(sum "$stage/fullchain.pem")" ] ||
  [ ! -e "$live/privkey.pem" ] || [ "$(sum "$live/privkey.pem")" != "$(sum "$stage/privkey.pem")" ]; then
  number=1
  while [ -e "$archive/fullchain$number.pem" ] || [ -e "$archive/privkey$number.pem" ]; do number=$((number + 1)); done
  for one in privkey cert chain fullchain; do
    [ -f "$stage/$one.pem" ] || continue
    if [ $one = privkey ]; then chmod 600 "$stage/$one.pem"; else chmod 644 "$stage/$one.pem"; fi
    sync "$stage/$one.pem" 2>/dev/null
    mv -f "$stage/$one.pem" "$archive/$one$number.pem" && ln -s "../../archive/$name/$one$number.pem" "$stage/$one.link" ||
      leave 78 "the certificate could not be put in its place"
  done
  for one in privkey cert chain fullchain; do
    [ -L "$stage/$one.link" ] || continue
    mv -fT "$stage/$one.link" "$live/$one.pem" || leave 78 "the certificate could not be put in its place"
  done
fi
mv -f "$stage/renewal.conf" "$root/renewal/$name.conf" || leave 78 "how it is renewed could not be written"
rm -f "$root/renewal/$name.conf.ended"
leave 0
