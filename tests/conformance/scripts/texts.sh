seq 1 30 > n; sed -n '5,8p;$p' n; sed 's/1/one/2;/^2/d' n | tail -n 3; sed -i 's/^3$/three/' n; grep three n
grep -c 1 n; grep -v '[0-5]' n; grep -n -E '^(7|8)$' n; grep -q nothing n; echo $?; grep -o '.$' n | sort -u | tr -d '\n'; echo
awk '{s += $1} END {print s, NR}' n; awk -F: '$3 == 0 {print $1}' /etc/passwd
awk 'BEGIN {for (i = 0; i < 5; i++) a[i] = i * i; for (i = 4; i >= 0; i--) printf "%d ", a[i]; print ""}'
sort -k2 -n <<END
b 10
a 9
c 100
END
cut -d: -f1,3 /etc/passwd; paste n n | head -n 2; tr '[:lower:]' '[:upper:]' < /etc/group; expand -t 4 <<END
a	b
END
fold -w 10 <<END
the quick brown fox jumps
END
head -c 5 n | od -c; hexdump -C n | head -n 2; xxd n | head -n 1; cmp n n && echo same; diff n /etc/group | head -n 4
printf '%05d|%-5s|%x|%s\n' 42 ab 255 end; printf '%b' 'a\tb\n'; comm n n | wc -l; wc n; split -l 10 n part; ls part*
seq 3 | xargs echo; seq 4 | xargs -n 2 echo pair; printf 'a\0b\0' | xargs -0 -n 1 echo; cat -n n | tail -n 1; strings /bin/busybox | grep -c '^BusyBox v'
uniq -d <<END
x
x
y
END
shuf -n 1 -e only; factor 360; expr 3 + 4 '*' 2; basename /a/b.c .c; dirname /a/b/c; tsort <<END
a b
b c
END
