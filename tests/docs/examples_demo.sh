# SPDX-License-Identifier: MIT

# Runs the demo on a directory with every kind of file, on the default one, and on a missing one.
#   sh examples_demo.sh PROGRAM
set -eu
demo=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# The demo makes its temporary folder here, so that the test sees files that it leaves behind.
export TMPDIR="$folder/tmp"
mkdir "$TMPDIR"

fail() {
  echo "examples_demo: $1"
  cat "$folder/output"
  exit 1
}
# run EXIT_CODE DIR: runs the demo. It must end with that code and leave no files behind.
run() {
  code=0
  "$demo" "$2" >"$folder/output" 2>&1 || code=$?
  [ "$code" -eq "$1" ] || fail "exit code $code for $2, expected $1"
  [ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"
}
says() { grep -q -- "$1" "$folder/output" || fail "the output lacks: $1"; }
says_not() { ! grep -q -- "$1" "$folder/output" || fail "the output has: $1"; }

texts="$folder/some texts"
mkdir -p "$texts/deep/er" "$texts/no files here"
printf 'one Two two' >"$texts/with a space"
printf 'THREE three-three' >"$texts/deep/er/three"  # no line feed at its end
printf 'dieu d\303\251j\303\240 vu\n' >"$texts/deep/accents"
: >"$texts/empty"
printf 'not\0counted\n' >"$texts/binary"
printf "it's quoted\n" >"$texts/a'quote"
printf -- '-n looks like an option\n' >"$texts/-n"
printf 'a line\nbreak\n' >"$texts/a
name of two lines"
printf 'latin\n' >"$texts/$(printf 'caf\351')"
ln -s 'with a space' "$texts/link"
ln -s nowhere "$texts/broken link"
ln -s .. "$texts/deep/up"

run 0 "$texts"
says '8 text files below .*; left out: 1 binary; left out: 1 whose name is not UTF-8$'
says 'kill -9   worker-[123] in the middle of '
says 'the file  was delivered to another worker; files redelivered: 1$'
says 'workers that got owner_died: 1$'
says '10 lines, all of them whole'
says '^ *3 three$'
says ': equal to tr | sort | uniq -c'
says '^    \[{"name":"report","type":"lock","holders":\[{"session":'
says '^    server.waits$'
says_not '"error"'

# The worker is killed in the file in the middle of the list, even if there is only one file.
mkdir "$folder/one"
printf 'alone\n' >"$folder/one/file"
run 0 "$folder/one"
says 'workers that got owner_died: 1$'
says '1 different words, 1 in all: equal'

run 0 "$texts/no files here"
says 'nothing to count'
run 2 "$folder/absent"
says 'agora_demo: .*/absent: No such file or directory'
[ "$(wc -l <"$folder/output")" -eq 1 ] || fail 'more than one line for a wrong directory'
run 2 "$texts/empty"
says 'it is no directory'

run 0 /usr/share/common-licenses
says ': equal to tr | sort | uniq -c'

# On SIGINT and SIGTERM the demo ends its server and its workers, and cleans up. With 4,000 files it
# is far from its end when the signal comes.
mkdir "$folder/many"
number=0
while [ "$number" -lt 4000 ]; do
  number=$((number + 1))
  echo word >"$folder/many/$number"
done
for signal in INT TERM; do
  mkfifo "$folder/pipe"
  "$demo" "$folder/many" >"$folder/pipe" 2>"$folder/output" &
  pid=$!
  exec 3<"$folder/pipe"
  read -r _ <&3 && read -r _ <&3
  kill -"$signal" "$pid"
  cat <&3 >/dev/null
  exec 3<&-
  code=0
  wait "$pid" || code=$?
  [ "$code" -eq 130 ] || fail "exit code $code after SIG$signal"
  says '^agora_demo: interrupted$'
  [ -z "$(ls -A "$TMPDIR")" ] || fail "left behind after SIG$signal: $(ls -A "$TMPDIR")"
  rm "$folder/pipe"
done

# A closed standard output: the demo runs to its end.
"$demo" "$folder/one" | true
[ -z "$(ls -A "$TMPDIR")" ] || fail "left behind with a closed pipe: $(ls -A "$TMPDIR")"

# A server that cannot start is reported in one line.
AGORA_SERVER="$folder/no-server" run 1 "$texts"
says 'the server did not start: .*/no-server: No such file'
echo 'examples_demo: all is well'
