my %count; $count{$_ % 7} += $_ for 1 .. 1000; print join(",", map { "$_=$count{$_}" } sort keys %count), "\n";
open(my $out, ">", "f") or die; print $out "line $_\n" for 1 .. 100; close $out; open(my $in, "<", "f"); my @lines = <$in>; print scalar(@lines), " $lines[-1]";
my $pid = fork; if (!$pid) { print "child\n"; exit 3 } waitpid $pid, 0; print $? >> 8, "\n"; print `echo backticks`; system("exit 2"); print $? >> 8, "\n";
pipe(my $r, my $w); if (!fork) { close $r; print $w "through a pipe\n"; exit 0 } close $w; print <$r>; wait;
local $SIG{USR1} = sub { print "usr1\n" }; kill USR1 => $$; my @s = stat "f"; printf "%o %d\n", $s[2], $s[7];
opendir(my $d, "."); print join(" ", sort grep { !/^\./ } readdir $d), "\n"; mkdir "dir" or die; rename "f", "dir/g"; print -s "dir/g", " ", (-e "f" ? 1 : 0), "\n"; unlink "no" or print "$!\n"; die "dead\n";
