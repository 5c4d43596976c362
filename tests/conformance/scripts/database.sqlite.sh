# A database in a file: several writers at once, a writer that is killed in the middle, and a write-ahead log.
cd /work
sqlite3=/usr/bin/sqlite3
$sqlite3 shop.db "create table counts(n integer); insert into counts values(0); create table long(text);"
for writer in 1 2 3; do
    (for turn in 1 2 3 4 5; do
        $sqlite3 -cmd ".timeout 20000" shop.db "begin immediate; update counts set n = n + 1; commit;" || echo failed
    done) &
done
wait
$sqlite3 shop.db "select n from counts; pragma journal_mode; pragma integrity_check;"
# With a cache of one page, the change is partly in the file, and the journal is hot, when the process is killed.
$sqlite3 shop.db 2> /dev/null <<'END'
pragma cache_size = 1;
insert into long select hex(zeroblob(200)) from (with recursive c(i) as (select 1 union all select i + 1 from c where i < 200) select i from c);
begin;
update long set text = 'half';
update counts set n = -1;
.system ls shop.db-journal; kill -9 $PPID
END
echo "status $?"
$sqlite3 shop.db "select n from counts; select count(*), min(length(text)) from long; pragma integrity_check;"
ls
(echo "begin exclusive;"; echo ".system $sqlite3 shop.db 'select count(*) from counts'; echo status \$?") | $sqlite3 shop.db 2>&1
(echo "begin immediate;"; echo ".system $sqlite3 shop.db 'select count(*) from counts; update counts set n = 1'; echo status \$?") | $sqlite3 shop.db 2>&1
$sqlite3 shop.db "pragma journal_mode = wal; insert into counts values(5);"
(echo "begin; select count(*) from counts;"; echo ".system $sqlite3 shop.db 'insert into counts values(6)'"; echo "select count(*) from counts; commit; select count(*) from counts;") | $sqlite3 shop.db
$sqlite3 shop.db "pragma wal_checkpoint(truncate); pragma journal_mode = delete; select sum(n) from counts;"
$sqlite3 shop.db vacuum
rm shop.db
ls
