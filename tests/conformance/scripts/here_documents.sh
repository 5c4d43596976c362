name=world
cat <<END
hello $name $(echo substituted) $((1 + 2))
END
cat <<'END'
hello $name $(echo kept)
END
cat <<-END
	tabs
		are gone
	END
while read a b; do echo "$b $a"; done <<END
one two
three four
END
wc -c <<END
$(seq 1 3000)
END
cat <<ONE; cat <<TWO
first
ONE
second
TWO
