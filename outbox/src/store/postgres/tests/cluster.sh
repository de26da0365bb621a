# Runs a PostgreSQL server for tests: cluster.sh BIN FOLDER PORT [PREFIX...]. The prefix runs a command as the server's user.
# Obeys commands on standard input, and answers each with
# a line. When the input ends, because the test process has ended, however it ended, it removes the server and its folder.
bin=$1 folder=$2 port=$3
shift 3
prefix=$*

ctl() { $prefix "$bin/pg_ctl" -D "$folder/data" -s -w "$@" </dev/null >>"$folder/log" 2>&1; }
# Nothing of a test needs to survive the machine's crash, so fsync is off.
start() { ctl -o "-p $port -k '' -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=300 -c ssl=$ssl" start; }

cd "$folder" || exit 1
ssl=off
$prefix "$bin/initdb" -D "$folder/data" -U postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >>"$folder/log" 2>&1 &&
  start && echo started
while read -r command; do
  case $command in
    # A stop within a moment, as in a restart of the service; all transactions under way are rolled back.
    stop) ctl -m fast stop ;;
    start) start ;;
    tls)
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout server.key -out authority.pem >>log 2>&1
      chmod 644 server.key
      $prefix cp server.key data/server.key && $prefix chmod 600 data/server.key
      $prefix cp authority.pem data/server.crt
      ctl -m fast stop; ssl=on; start ;;
  esac
  echo "$?"
done
ctl -m immediate stop
rm -rf "$folder"
