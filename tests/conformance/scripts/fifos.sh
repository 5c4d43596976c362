# Pipelines by name.
cd /work
mkfifo -m 640 numbers words
ls -l numbers words | cut -c1-10
test -p numbers && echo "a fifo"
seq 1 2000 > numbers &
(echo first; echo second) > words &
paste -d, numbers words | head -n 3
wait
(while read line; do echo "got $line"; done < words) &
echo one > words
wait
exec 3<> numbers
echo kept >&3
read line <&3
echo "$line"
exec 3>&-
mknod null c 1 3
ls -l null | cut -c1-10
echo lost > null
cat null
(cat words | tr a-z A-Z) & 
for word in red green blue; do echo $word; done | tee words > copy
wait
cat copy
timeout 1 cat numbers
echo "status $?"
stat -c '%F %a' numbers words null
find . -type p | sort
rm null words
