echo first > file; echo second >> file; cat < file
cat nothing 2> errors; echo status $?; cat errors
echo to stderr >&2
exec 3> three; echo through three >&3; exec 3>&-; cat three
exec 4< file; read line <&4; echo "read $line"; read line <&4; echo "read $line"; exec 4<&-
{ echo both; echo both >&2; } > both 2>&1; cat both
ls /nowhere > listing 2>&1; cat listing
: > empty; [ -s empty ] || echo empty
set -C; echo clobber > file; echo status $?; echo force >| file; cat file | cat  # which copies: what sendfile put into a pipe changes with the file
echo read-write 1<> file; cat file
echo x > /nowhere/file; echo status $?
echo full > /dev/full; echo status $?
echo hello > /dev/null; cat /dev/null | wc -c
head -c 8 /dev/zero | od -An -tx1
