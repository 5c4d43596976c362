for w in a b c; do case $w in a) echo first;; [bc]) echo later $w;; esac; done
i=0; while [ $i -lt 5 ]; do i=$((i + 1)); [ $i = 2 ] && continue; [ $i = 4 ] && break; echo $i; done
until [ $i = 0 ]; do i=$((i - 1)); done; echo $i
f() { local v=$1; echo "f $v $#"; return 7; }; f x y; echo $?
factorial() { if [ $1 -le 1 ]; then echo 1; else echo $(($1 * $(factorial $(($1 - 1))))); fi; }; factorial 10
set -- one 'two three' four; for a; do echo "<$a>"; done; shift; echo $# "$*" "$@"
unset v; echo ${v:-default} ${v:+set} ${v=assigned} $v; p=/a/b/c.txt; echo ${p##*/} ${p%.*} ${p#/} ${#p}
echo $((0x1f + 010 - 3 % 2)) $((1 << 20)) $((5 > 3 ? 1 : 0))
IFS=:; set -- a:b:c; for x in $1; do echo $x; done; unset IFS
eval 'echo evaluated $((6 * 7))'
set -e; (set +e; false; echo survived); false || echo guarded
set -u; (echo $undefined) 2>/dev/null; echo $?
echo *; echo /et[c]
