trap 'echo leaving' EXIT
trap 'echo got USR1' USR1
trap 'echo got TERM; done=1' TERM
kill -USR1 $$; echo after
kill -TERM $$; echo done=$done
trap '' INT; kill -INT $$; echo ignored
sh -c 'kill -INT $$; echo still ignored'
trap - INT; sh -c 'kill -KILL $$'; echo status $?
sh -c 'kill -TERM $$'; echo status $?
sh -c 'trap "exit 5" HUP; kill -HUP $$; echo never'; echo status $?
(trap 'echo inner' EXIT; exit 2); echo $?
exit 9
