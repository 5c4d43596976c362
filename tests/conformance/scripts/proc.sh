readlink /proc/self/exe; readlink /proc/self/cwd; cat /proc/self/comm; tr '\0' ' ' < /proc/self/cmdline; echo
[ "$(readlink /proc/self)" != "" ] && echo self; ls -d /proc/$$/fd /proc/$$/task/$$ | sed "s/$$/PID/g"
grep -c '^processor' /proc/cpuinfo > /dev/null; echo $?; cut -d' ' -f1 /proc/sys/kernel/ostype; cat /proc/sys/kernel/pid_max > /dev/null; echo $?
sleep 1000 & p=$!; sleep 0.1; tr '\0' ' ' < /proc/$p/cmdline; echo; cut -d' ' -f2,3 /proc/$p/stat; kill -STOP $p; sleep 0.05; cut -d' ' -f3 /proc/$p/stat; kill -9 $p; sleep 0.05; wait $p 2>/dev/null; ls /proc/$p 2>&1 | sed "s/$p/PID/"
exec 5< /etc/passwd; readlink /proc/$$/fd/5; cat /proc/$$/fd/5; exec 5<&-; readlink /proc/$$/fd/5; echo $?
echo piped | cat /proc/self/fd/0; echo text > f; cat < f /dev/stdin; echo out > /dev/stdout; echo err > /dev/stderr
ps -o pid,comm | grep -c sh > /dev/null; echo $?; awk '/^(Name|State|PPid|Threads)/ {print $1}' /proc/self/status
cd /proc/self/cwd && pwd; cat /proc/version | cut -d' ' -f1,2; test -r /proc/self/maps && echo maps; cat /proc/nothing; cat /proc/999999/stat; echo x > /proc/uptime; echo $?
