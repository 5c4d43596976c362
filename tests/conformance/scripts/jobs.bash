set -m; sleep 0.05 & wait %1; echo $?; sleep 100 & kill -STOP %1; sleep 0.05; jobs | sed 's/  */ /g'; kill -CONT %1; kill %1; wait %1; echo $?; set +m
for i in 3 1 2; do (sleep 0.0$i; exit $i) & done; wait -n; echo $?; wait; trap 'echo CHLD' CHLD; (exit 1); trap - CHLD; trap 'echo USR2; exit 3' USR2; (sleep 0.05; kill -USR2 $$) & wait; echo never
