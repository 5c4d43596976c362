sh -c 'exit 200'; echo $?; nonexistent; echo $?; ./nothing; echo $?; /etc; echo $?
echo 'echo script $0 $*' > s; chmod +x s; ./s a b; echo '#!/bin/sh -e' > t; echo 'echo interpreted $1; false; echo never' >> t; chmod +x t; ./t x; echo $?
printf '#!/no/interpreter\n' > u; chmod +x u; ./u; echo $?; touch v; ./v; echo $?; chmod +x v; ./v; echo $?
env -i /bin/env; env A=b sh -c 'echo $A'; A=1 B=2 env | grep -E '^[AB]=' | sort; nice true; echo $?; nohup true < /dev/null; echo $?
exec 2>&1; (exec echo replaced); xargs -n 1 sh -c 'exit 0' x < /dev/null; echo $?
i=0; while [ $i -lt 40 ]; do i=$((i + 1)); true | true; done; echo $i
sh -c 'sh -c "sh -c \"exit 3\"; exit \$?"; exit $?'; echo $?
id -u; id -g; whoami; umask; pwd; hostname > /dev/null; echo $?; uname -s -m; nproc > /dev/null; echo $?; which sh; tty; echo $?; usleep 1000; sleep 0.01
setsid sh -c 'echo session'; time -f '' true 2>/dev/null; echo $?; start-stop-daemon -S -x /bin/true; echo $?
