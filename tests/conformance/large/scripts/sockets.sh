# Sockets within one machine, as programs use them: socat in all its ways, rsync, ipcs.
export LC_ALL=C
until_there() { for i in $(seq 200); do [ -e "$1" ] && return; sleep 0.02; done; echo "no $1"; }
server() { socat "$@" 2> /dev/null & servers="$servers $!"; }
stop() { kill $servers 2>/dev/null; wait $servers 2>/dev/null; servers=; }
seq 1 30000 > big

echo "-- streams"
server UNIX-LISTEN:stream,fork EXEC:'sed s/^/got-/'; until_there stream
for i in 1 2 3; do echo "line $i" | socat -t 5 - UNIX-CONNECT:stream; done
for i in $(seq 8); do (seq $i 500 | socat -t 5 - UNIX-CONNECT:stream | md5sum > out$i) & pids="$pids $!"; done; wait $pids; cat out*
socat -t 5 -u OPEN:big UNIX-CONNECT:stream; socat -t 9 - UNIX-CONNECT:stream < big | md5sum
stat -c '%F %a' stream; stop; rm -f stream out*
echo "-- abstract names"
server ABSTRACT-LISTEN:hidden,fork SYSTEM:'tr a-z A-Z'; until grep -q '@hidden$' /proc/net/unix; do sleep 0.02; done
for i in 1 2; do echo "quiet $i" | socat -t 5 - ABSTRACT-CONNECT:hidden; done; stop
socat - UNIX-CONNECT:nowhere < /dev/null 2>&1 | sed 's/.*E //'
echo "-- datagrams"
server -u UNIX-RECV:datagrams OPEN:received,creat,append; until_there datagrams
for i in 1 2 3; do echo "datagram $i" | socat -u - UNIX-SENDTO:datagrams; done
for i in $(seq 100); do [ "$(wc -l < received)" = 3 ] && break; sleep 0.02; done; cat received; stop; rm -f datagrams received
server UNIX-RECVFROM:questions,fork SYSTEM:'rev 2>/dev/null || sed s/$/-back/'; until_there questions
echo "abc" | socat -t 2 - UNIX-SENDTO:questions,bind=answers | wc -l; stop; rm -f questions answers
echo "-- packets"
server UNIX-LISTEN:packets,type=5,fork EXEC:cat; until_there packets
printf 'one packet\n' | socat -t 1 - UNIX-CONNECT:packets,type=5; stop; rm -f packets
echo "-- pairs"
socat -t 5 - EXEC:'sed -n 1~9000p' < big; socat -t 1 - EXEC:'wc -l',pipes < big; socat -t 5 - EXEC:'md5sum',nofork < big
server UNIX-LISTEN:relay-in,fork UNIX-CONNECT:relay-out; server UNIX-LISTEN:relay-out,fork EXEC:md5sum; until_there relay-in; until_there relay-out
socat -t 9 - UNIX-CONNECT:relay-in < big; stop; rm -f relay-*

echo "-- rsync"
mkdir -p from/deep/er; cp big from/big; seq 1 99 > from/deep/er/file; ln -s file from/deep/er/link; touch -d '2020-02-02 02:02:02' from/deep/er/file
rsync -a from/ to/; diff -r from to && echo same; stat -c '%n %s %Y' to/deep/er/file; readlink to/deep/er/link
seq 1 30001 > from/big; rm from/deep/er/link; rsync -a --delete --no-whole-file from/ to/; diff -r from to && echo same again
rsync -a --delete --checksum --itemize-changes from/ to/ | wc -l; rsync -avn from/ other/ | grep -c deep
rm -r from to big

echo "-- shared memory"
key=$(ipcmk -M 10000 | grep -o '[0-9]*$'); ipcs -m | grep -c " $key "; ipcs -m -i "$key" | grep -o 'bytes=[0-9]*\|mode=[0-9]*\|nattch=[0-9]*'
ipcs -m -l | grep -c kbytes; ipcrm -m "$key"; ipcrm -m "$key" 2>&1 | grep -c 'invalid id'; ipcs -m | grep -c " $key "
