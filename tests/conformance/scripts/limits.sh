ulimit -n > /dev/null; echo $?; ulimit -s > /dev/null; echo $?; x=$(head -c 100000 /dev/zero | tr '\0' x); echo ${#x}; echo "$x" | wc -c
long=$(printf '%0300d' 0); touch $long; echo $?; mkdir ${long%??????????????????????????????????????????????}; echo $?
ln -s loop loop; cat loop; cat f/; mkdir d; cat d; echo x > d; cd nothing; rmdir nothing; mkdir d; touch d/f; rmdir d; mv d d/e; ln d e; unlink d; cp d x
cat < d; echo $?; head -c 70000 /dev/zero | (sleep 0.05; wc -c); (sleep 0.05; echo late) | cat; yes | sh -c 'exit 0'; echo ${x%xxx} | wc -c
