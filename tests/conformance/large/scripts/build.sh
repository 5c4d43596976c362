# GNU make: rules, patterns, recursion, parallel jobs, functions.
mkdir sub
cat > Makefile <<'X'
NAMES := one two three four five six
ALL := $(NAMES:%=%.out)
all: $(ALL) sub total
%.out: %.in
	@echo making $@ from $<
	@sleep 0.05; wc -c < $< > $@
%.in:
	@printf '%s' '$*' > $@
sub:
	@$(MAKE) --no-print-directory -C sub
total: $(ALL)
	@cat $^ | awk '{t += $$1} END {print "total", t}' > $@
.PHONY: all sub clean
.PRECIOUS: %.in
clean:
	rm -f *.in *.out total
show:
	@echo $(words $(NAMES)) $(sort $(NAMES)) $(shell echo from shell) $(if $(filter six,$(NAMES)),yes) $(wildcard *.out)
fail:
	@false
keep:
	-@exit 3
X
printf 'all:\n\t@echo in sub $(MAKELEVEL)\n' > sub/Makefile
make; cat total; make
make clean; make -j4 2>&1 | sort; cat total
make show; make fail; echo status $?; make keep; echo status $?; make -n clean; make -k fail show; make nothing; echo status $?
touch one.in; make --debug=n | sort; make -q; echo status $?
make -p -f /dev/null 2>/dev/null | grep -c '^%'
