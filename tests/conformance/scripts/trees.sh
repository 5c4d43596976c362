mkdir -p a/b/c; touch a/one a/b/two a/b/c/three; find a | sort
ln -s ../a/one a/b/link; cat a/b/link; readlink a/b/link; readlink -f a/b/link
ln a/one hard; stat -c '%h %s %F' hard a/b/link; stat -c '%h %F' a
echo content > a/one; cat hard; mv a/one a/moved; cat a/b/link; echo $?
cp -r a copy; find copy -type f | sort; cp -a a archive; ls -R archive
rm -r a/b/c; ls a/b; rmdir a; echo $?; rm -rf a; ls
mkdir d; mv copy d/; mv d/copy .; rmdir d; echo $?
chmod 640 hard; stat -c %a hard; chmod u+x,o=r hard; stat -c %A hard
touch -d '2020-01-02 03:04:05' old; stat -c %Y old; date -u -r old; [ hard -nt old ] && echo newer
find . -name '*e*' -type f | sort; find . -newer old -type d | sort; find . -type l | sort | while read link; do ls $link; done
mkdir x; rmdir x/../x; ls x; echo $?
truncate -s 100000 hole; stat -c %s hole; du -a . | wc -l
test -L archive/b/link && echo link; test -d archive && test ! -e archive/nothing && echo fine
