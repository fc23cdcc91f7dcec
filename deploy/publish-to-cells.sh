#!/bin/sh
# Publishes the prices of a file to every cell, and says whether all of them have the same prices then.
#
#   CELLS='postgres://… postgres://…' deploy/publish-to-cells.sh tollbook.yaml --from 2027-01-01 --notice 'Prices change on 1 January.'
#
# CELLS are the PostgreSQL URLs of the cells' management logins; TOLLBOOK is the program, else `tollbook`. The arguments are those of
# `tollbook prices publish`, the file first. Nothing is published before the file has been compared with every cell. To do it once more
# is harmless: a cell that has these prices in force says so.
set -eu

tollbook=${TOLLBOOK:-tollbook}
: "${CELLS:?the PostgreSQL URLs of all cells}"
file=${1:?the file with the prices}

# The hashes of the tariffs in force and announced in a cell, and from when the announced ones come into force. What is in force
# came so at each cell's own moment.
tariffs_of() {
  printed=$(DATABASE_URL=$1 $tollbook prices show --json)
  printf '%s\n' "$printed" | grep -oE '"(hash|from)": *"[^"]*"' | awk '/"from"/ && !seen++ { next } { print }'
}

for cell in $CELLS; do
  DATABASE_URL=$cell $tollbook prices diff "$file" --json >/dev/null
done
for cell in $CELLS; do
  DATABASE_URL=$cell $tollbook prices publish "$@"
done

expected=
for cell in $CELLS; do
  tariffs=$(tariffs_of "$cell")
  expected=${expected:-$tariffs}
  if [ "$tariffs" != "$expected" ]; then
    echo 'The cells have different prices. In force and announced are, cell by cell:' >&2
    for each in $CELLS; do
      tariffs_of "$each" >&2
      echo >&2
    done
    exit 1
  fi
done
echo 'All cells have the same prices.'
