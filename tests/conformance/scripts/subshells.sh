x=1; (x=2; echo in $x; exit 3); echo out $x status $?
y=$(echo a; exit 4); echo "$y" $?
cd /; (cd /etc; pwd); pwd; cd /work
a=$(b=$(echo deep); echo "<$b>"); echo $a
( ( (echo nested) ) )
{ echo group; false; } || echo failed
(umask 077; touch private); touch public; ls -l private public | cut -c1-10
for i in 1 2 3; do (exit $i); echo $?; done
sh -c 'echo $0 $1 $#' name one two
