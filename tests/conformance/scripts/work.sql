create table measured(id integer primary key, value integer, name text);
begin;
with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 3000)
insert into measured select n, (n * 6151) % 9973, 'name ' || (n % 89) from numbers;
commit;
create index by_value on measured(value);
select count(*), sum(value), min(name) from measured where value between 200 and 6000;
select name, count(*) from measured group by name order by 2 desc, 1 limit 4;
update measured set value = value + 1 where id % 3 = 0;
delete from measured where id % 5 = 0;
begin; delete from measured; rollback;
select count(*), total(value) from measured;
pragma journal_mode;
pragma integrity_check;
select 1 / 0, abs(-3.5), hex('ab'), length(zeroblob(10));
vacuum;
select page_count > 10 from pragma_page_count();
select nothing from measured;
