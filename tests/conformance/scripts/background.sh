sleep 0.05 & wait $!; echo $?
(exit 6) & wait $!; echo status $?
for i in 1 2 3; do (sleep 0.0$i; echo $i > file$i) & done; wait; cat file1 file2 file3
sleep 100 & kill $!; wait $! 2>/dev/null; echo status $?
(while :; do :; done) & busy=$!; sleep 0.05; kill -9 $busy; wait $busy 2>/dev/null; echo $?
sleep 100 & p=$!; kill -STOP $p; kill -CONT $p; kill -HUP $p; wait $p 2>/dev/null; echo $?
jobs; echo none
timeout 0.1 sleep 100; echo timeout $?
true & wait; echo all $?
