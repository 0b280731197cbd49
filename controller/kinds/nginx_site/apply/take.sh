# Gives a certificate away, with its key and the account that renews it: for another host of the same estate. Run by `sh`.
# $1: its name at certbot. $2: the issuer's directory.
# Output: lines of a word and its content in base64; `end` comes last, so that what is cut off is not taken for whole.
# Exit: 0 done; 71 there is none.

umask 077
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; export PATH LC_ALL
root=/etc/letsencrypt; live=$root/live/$1
for one in privkey fullchain; do
  [ -f "$live/$one.pem" ] || { echo "there is no $live/$one.pem" >&2; exit 71; }
done
give() { printf '%s %s\n' "$1" "$(base64 <"$2" | tr -d '\n')"; }
for one in cert chain fullchain privkey; do
  if [ -f "$live/$one.pem" ]; then give "$one" "$live/$one.pem"; fi
done
account=$(sed -n 's/^account *= *//p' "$root/renewal/$1.conf" 2>/dev/null | head -n 1)
folder=$root/accounts/${2#https://}/$account
case $account in
  '' | *[!0-9a-f]*) ;;
  *)
    if [ -f "$folder/private_key.json" ] && [ -f "$folder/regr.json" ] && [ -f "$folder/meta.json" ]; then
      printf 'account %s\n' "$account"
      for one in private_key regr meta; do give "account.$one" "$folder/$one.json"; done
    fi
    ;;
esac
echo end
