"""sqlite3 in a file: two connections, a journal, threads, a write-ahead log."""

import os
import sqlite3
import threading

with sqlite3.connect("people.db") as database:
    database.execute("create table people (id integer primary key, name text, age int)")
    database.executemany("insert into people (name, age) values (?, ?)", [(f"p{n}", n % 90) for n in range(2000)])
print(database.execute("select count(*), sum(age) from people").fetchone())
try:
    with database:
        database.execute("update people set age = 0")
        raise ValueError
except ValueError:
    pass
print(database.execute("select max(age) from people").fetchone())
other = sqlite3.connect("people.db", timeout=0.1)
database.execute("begin immediate")
try:
    other.execute("insert into people (name) values ('x')")
except sqlite3.OperationalError as error:
    print(error)
database.rollback()
other.execute("insert into people (name) values ('x')")
other.commit()
print(database.execute("select count(*) from people").fetchone())
print(database.execute("pragma integrity_check").fetchone())


def add(name):
    mine = sqlite3.connect("people.db", timeout=20)
    for number in range(20):
        with mine:
            mine.execute("insert into people (name, age) values (?, ?)", (name, number))


threads = [threading.Thread(target=add, args=(f"t{n}",)) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(other.execute("select name, count(*) from people where name like 't%' group by name").fetchall())
print(database.execute("pragma journal_mode").fetchone(), database.execute("vacuum").fetchall())
print(database.execute("pragma journal_mode=wal").fetchone())
with database:
    database.execute("delete from people where age > 3")
print(other.execute("select count(*) from people").fetchone())
other.close()
database.close()
print(os.listdir("."))
os.remove("people.db")
