#!/usr/bin/env bash
# elf-size-analyze 0.3.1 (PyPI), which tells how much memory each file and symbol of a program takes.
#
# Names may share their bytes, as memcpy and __aeabi_memcpy do. A local symbol belongs to its file,
# and another file may have one of the same name. What is in .dynsym is in .symtab, too (ELF gABI,
# Symbol Table).
#
# Guess before running it: with an alias as without the sum is that of the section, two functions of
# one name are in their own files, a shared library's functions count once.
# Seen: an alias counts as if it had bytes of its own. Of two local functions with a name one is in
# its file, the other in none, "?". What a shared library exports counts twice. Sizes of single
# symbols, and .data and .bss for ROM and RAM, are right.
. "$(dirname "$0")/lib/pypi"
pypi elf-size-analyze==0.3.1

# code NAME SIZE: one of so many bytes
code() {
  printf '\t.type %s, %%function\n%s: nop\n\t.space %s - (. - %s)\n\t.size %s, %s\n' "$1" "$1" "$2" "$1" "$1" "$2"
}
cd "$TEMP"
{
  printf '\t.globl _start, plain\n'
  code _start 64
  code plain 32
  code init 16
} >one.s
code init 48 >two.s
printf '\t.globl alias\n\t.set alias, plain\n' | cat one.s - >alias.s
{
  printf '\t.globl counter, buffer\n\t.data\n\t.type counter, %%object\n\t.size counter, 8\ncounter: .space 8\n'
  printf '\t.bss\n\t.type buffer, %%object\n\t.size buffer, 256\nbuffer: .space 256\n'
} | cat one.s - >data.s
for file in one two alias data; do as -g "$file.s" -o "$file.o"; done
ld one.o -o one
ld alias.o -o alias
ld one.o two.o -o both
ld data.o -o data
ld -shared one.o -o library.so

# sizes PROGRAM [OPTION]: the files and symbols of ROM, or of RAM with -R
sizes() {
  elf-size-analyze --no-color -w 200 "${2:--F}" "$1" |
    awk '/^(===|Symbol )/ { next } /^Symbols total/ { printf "total %s;", $3; next } NF { printf "%s %s; ", $1, $2 }' |
    sed "s|$TEMP/||g; s|$TEMP|.|g"
}
same "one file" "one.s 112; _start 64; plain 32; init 16; ? 0; total 112;" "$(sizes one)"
same "with .data, ROM" "data.s 112; _start 64; plain 32; init 16; ? 8; counter 8; total 120;" "$(sizes data)"
same "with .data, RAM" "? 264; buffer 256; counter 8; total 264;" "$(sizes data -R)"
same "an alias, total 112" "alias.s 144; _start 64; alias 32; plain 32; init 16; ? 0; total 144;" "$(sizes alias)"
same "two files, one.s 112 and two.s 48" \
  ". 144; one.s 96; _start 64; plain 32; two.s 48; init 48; ? 16; init 16; total 160;" "$(sizes both)"
same "a library, total 112" \
  "one.s 112; _start 64; plain 32; init 16; ? 96; _start 64; plain 32; total 208;" "$(sizes library.so)"
