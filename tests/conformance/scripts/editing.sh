printf '1\n2\n3\n' > f; ed -s f <<END
2s/2/two/
1d
w
q
END
cat f; printf 'a\nb\nc\n' > old; printf 'a\nB\nc\nd\n' > new; diff -u old new | tail -n +3 > p; cat p; (echo '--- old'; echo '+++ new'; cat p) | patch -p0; cmp old new && echo patched
dd if=new of=part bs=1 skip=2 count=3 2>/dev/null; cat part; dd if=/dev/zero of=part bs=1 seek=10 count=1 conv=notrunc 2>/dev/null; od -c part; awk 'NR == 2 {print; exit}' new
vi -c ':s/a/A/' -c ':wq' new < /dev/null > /dev/null 2>&1; dc -e '2 10 ^ p'; echo '3 * (4 + 5)' | bc; cal 2 2024; date -u -d '@86400' '+%F %T'; 
seq 100 | sed 10q | tail -n +9; seq 10 | sed -n '2~3p'; seq 3 | sed '1!G;h;$!d'; echo abc | sed 'y/abc/xyz/'; echo aXbX | sed 's/X/\n/g'
