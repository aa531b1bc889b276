#!/bin/sh
# A store of Syncline in plain shell: a folder of *.jsonl files, one record in a line, to be read.
#
#   command: [sh, folder.sh, FOLDER, KEY]
#
# KEY is the field by which all records are known. docs/exec-protocol.md says what is spoken here.
folder=$1 key=$2

hello() {
  printf '{"syncline":1,"name":"folder","can":["count"],"collections":['
  comma=
  for file in "$folder"/*.jsonl; do
    name=${file##*/}
    printf '%s{"name":"%s","key":["%s"]}' "$comma" "${name%.jsonl}" "$key"
    comma=,
  done
  printf ']}\n'
}

# The file of the collection that a request names; a name never leads out of the folder.
file_of() {
  name=${1#*\"collection\":\"}
  name=${name%%\"*}
  case $name in
    */* | .*) return 1 ;;
  esac
  file=$folder/$name.jsonl
  [ -f "$file" ]
}

read_all() {
  records=0
  while IFS= read -r record || [ -n "$record" ]; do
    [ -n "$record" ] || continue
    records=$((records + 1))
    [ "$1" = count ] || printf '{"records":[%s]}\n' "$record"
  done <"$file"
  printf '{"end":{"complete":true,"records":%d}}\n' "$records"
}

while IFS= read -r request; do
  case $request in
    '{"do":"hello"'*) hello ;;
    '{"do":"read"'*)
      if ! file_of "$request"; then
        printf '{"error":{"kind":"not-found","message":"there is no such file"}}\n'
      else
        case $request in
          *'"want":"count"'*) read_all count ;;
          *) read_all records ;;
        esac
      fi
      ;;
    *) printf '{"error":{"kind":"unsupported","message":"this store is only read"}}\n' ;;
  esac
done
