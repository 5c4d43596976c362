# gawk, GNU sed, grep, diff, patch, find, xargs, bc, m4, ed, sort: they compute the same.
set -u
seq 1 3000 | gawk '{sum += $1; square[$1 % 7] += $1 * $1} END {for (k = 0; k < 7; k++) printf "%d ", square[k]; print sum}'
gawk 'BEGIN {while (("echo a b c" | getline line) > 0) print "got", line; print "x" | "cat"; close("cat"); system("exit 3"); print ENVIRON["HOME"]}'
gawk 'BEGIN {printf "%.10f %s %s\n", atan2(0, -1), toupper("abc"), substr("hello", 2, 3); print length(sprintf("%c", 256))}'
gawk 'BEGIN {print "to stderr" > "/dev/stderr"; n = split("a:b:c", parts, ":"); print n, parts[2]; cmd = "sort"; print "b\na" |& cmd; close(cmd, "to"); while ((cmd |& getline x) > 0) print x}'
seq 1 20 | sed -n '5,10{s/^/line /;p};$p'
printf 'one\ntwo\nthree\n' > f; sed -i.bak 's/two/2/;3d' f; cat f f.bak; ls
printf 'a\nb\nc\nd\n' > l; printf 'a\nB\nc\ne\n' > r
diff -u l r | sed 's/\t.*//' ; diff l r > d; cp l copy; patch copy d; cmp copy r && echo patched
grep -rn --include='*.bak' t . ; grep -c . f; grep -v o f.bak; grep -E '^(o|t)[a-z]+$' f.bak; grep -P '\bt\w+e\b' f.bak; grep nothing f; echo status $?
mkdir -p tree/{a,b}/c 2>/dev/null || mkdir -p tree/a/c tree/b/c; touch tree/a/x tree/b/c/y; find tree -type f -print0 | sort -z | xargs -0 -n1 echo found
find tree -name x -exec echo {} + -o -type d -empty -print; find tree -depth -delete; ls
echo '2^200; scale=30; 4*a(1); sqrt(2)' | bc -l
echo 'define(`twice'"'"', `$1$1'"'"')twice(abc) eval(3*7) syscmd(echo hi)' | m4
printf '1,$s/a/b/\nw\nq\n' | ed -s l; cat l
seq 5000 -1 1 | sort -n -S 64k | md5sum; seq 1 5000 | shuf --random-source=/dev/zero | sort -n | tail -1; seq 1 100000 | sort -R | wc -l
sort --parallel=2 -k2,2n -t: <<X
a:3
b:1
c:2
X
/usr/bin/time -f '%x' true 2>&1; yes | head -3; timeout 0.1 sleep 5; echo timeout $?
