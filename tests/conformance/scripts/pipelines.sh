seq 1 200 | grep 7 | sed 's/7/seven/' | sort -r | head -n 12 | tr a-z A-Z | cut -c1-6
yes | head -n 1000 | wc -l
printf 'b\na\nc\na\n' | sort | uniq -c | awk '{print $2 "=" $1}'
false | true; echo $?
true | false; echo $?
! true; echo $?
seq 5 | while read n; do echo "line $n"; done | tee copy | tail -n 2
cat copy | tac | rev | nl
(echo one; echo two >&2; echo three) 2>&1 | sort
seq 1 100000 | tail -n 1
seq 1 100000 | head -n 1
dd if=/dev/zero bs=1000 count=300 2>/dev/null | md5sum
