# What every POSIX shell does alike; run by several of them.
set -u
f() { echo "f $1 $#"; return 3; }
f a b; echo $?
x=$(printf 'a b\nc'); echo "$x" | while read -r line; do echo "[$line]"; done
(exit 4); echo $?; { echo group; } ; ! true; echo $?
trap 'echo usr1' USR1; kill -USR1 $$; trap 'echo leaving' EXIT
sleep 0.05 & p=$!; wait $p; echo waited $?
sleep 5 & sleep 0.1; kill $!; wait $! 2>/dev/null; echo killed $?
for i in 1 2 3; do case $i in 2) continue;; esac; echo $i; done
i=0; while [ $i -lt 200 ]; do i=$((i + 1)); done; echo $i
cat <<X | tr a-z A-Z
here $i $(echo sub)
X
echo a > f1; echo b >> f1; cat < f1; exec 3< f1; read -r y <&3; echo "$y"; exec 3<&-
echo err >&2 2>/dev/null; ls nothing 2>&1 || echo no; : > empty; [ -s empty ] || echo empty
set -- one 'two three' four; for a; do echo "$a"; done; shift 2; echo "$*"
echo ${u-unset} ${x#a} ${x%c} ${#x}; IFS=:; set -- $(echo a:b:c); echo $2; unset IFS
yes 2>/dev/null | head -n 2; true | false; echo $?; echo $(( (7 * 3) % 4 << 2 ))
umask 027; : > u; ls -l u | cut -c1-10; cd /; pwd; cd "$OLDPWD"; eval 'echo evaluated'; command -v f
seq 1 300 | while read -r n; do echo $n; done | tail -1; (cd / && pwd) ; printf '%s-%d\n' a 1 b 2
