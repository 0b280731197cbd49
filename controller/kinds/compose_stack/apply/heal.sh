# Starts containers that have stopped, or starts ailing ones anew. $1: start or restart. Then the containers' ids.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; export PATH LC_ALL
verb=$1; shift
for id in "$@"; do
  case $verb in
    start) docker unpause "$id" >/dev/null 2>&1; docker start "$id" >/dev/null || exit 85 ;;
    restart) docker restart "$id" >/dev/null || exit 85 ;;
  esac
done
