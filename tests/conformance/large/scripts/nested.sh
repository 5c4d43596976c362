# Things at once: pipelines of many programs, here documents of 100 KB, deep recursion, many background jobs.
export LC_ALL=C
seq 1 2000 | sed 's/$/ x/' | grep -v 7 | gawk '{print $1 * 2}' | sort -rn | uniq | tr '\n' ' ' | fold -w 60 | tail -3; echo
for i in $(seq 1 40); do (sleep 0.0$((i % 5)); echo $i > out$i) & done; wait; cat out* | sort -n | md5sum; rm out*
f() { [ "$1" = 0 ] && { echo deep; return; }; (f $(($1 - 1))); }; f 25
seq 1 20000 > big; cat big big | (cat | (cat | (cat | md5sum))); while read -r a; do [ "$a" = 3000 ] && { echo $a; break; }; done < big
x=$(cat big); echo ${#x}; md5sum <<X
$x
X
mkfifo p; (for i in 1 2 3; do echo line $i; done > p) & cat p; wait; rm p
tee a b c < big | wc -l; cmp a b && cmp b c && rm a b c
(echo first; kill -STOP $BASHPID; echo second) & sleep 0.2; kill -CONT $!; wait $!; echo status $?
set -o pipefail; false | true | true; echo ${PIPESTATUS[@]}; exec 5<> big; read -r line <&5; echo $line; exec 5>&-
coproc CAT { cat; }; echo hi >&${CAT[1]}; read -r answer <&${CAT[0]}; echo $answer; kill $CAT_PID; wait $CAT_PID 2>/dev/null
find /usr/lib -name 'lib*.so*' | xargs -P 4 -n 3 md5sum | sort | md5sum; ulimit -s
diff <(seq 1 10) <(seq 1 11); cat /proc/self/stat | wc -w; head -c 1000000 /dev/urandom | wc -c; timeout -s KILL 0.1 sleep 9; echo $?
rm big
