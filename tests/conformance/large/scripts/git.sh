# git without a network: a repository's life.
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000' GIT_CONFIG_NOSYSTEM=1 PAGER=cat
git init -q -b main repo 2>/dev/null; cd repo
seq 1 100 > numbers; mkdir d; echo text > d/file; ln -s numbers link; printf '#!/bin/sh\necho hi\n' > run; chmod +x run
git add .; git commit -q -m first; git log --format='%H %s'; git ls-files -s
seq 1 50 > numbers; git diff --stat; git commit -q -a -m second; git log --oneline; git show --stat --format=%s HEAD
git checkout -q -b other HEAD~1; echo more >> d/file; git commit -q -a -m third; git checkout -q main; git merge -q --no-edit other; git log --format='%h %p %s' --graph
git tag v1; git describe --tags; git branch -a; git status -s; rm numbers; git status -s; git checkout -q -- numbers; wc -l < numbers
git mv d/file d/renamed; git commit -q -m rename; git log --follow --format=%s d/renamed; git blame -s d/renamed
git stash list; echo change >> numbers; git stash -q; git stash list; git stash pop -q; git diff --shortstat; git checkout -q .
for n in 1 2 3 4 5 6 7 8; do seq $n 200 > f$n; git add f$n; git commit -q -m "add f$n"; done
git gc -q; git fsck 2>&1; git count-objects -v | grep -v size; git rev-parse HEAD; git cat-file -p HEAD:d
git clone -q . ../clone 2>&1; cd ../clone; git log --oneline | wc -l; echo x > x; git add x; git commit -q -m x; git push -q origin HEAD:pushed 2>&1; cd ../repo; git branch --list
git reset -q --hard HEAD~2; git log --format=%s | head -1; git reflog | wc -l; git rebase -q other 2>&1; git cherry-pick pushed >/dev/null 2>&1; git log --format=%s | head -3; git archive HEAD | tar -t | head -5; git grep -n more
git bisect start -q HEAD v1 2>/dev/null; git bisect reset -q 2>/dev/null; git worktree add -q ../tree HEAD 2>/dev/null; ls ../tree; git hash-object run; cd ..; rm -rf repo clone tree
