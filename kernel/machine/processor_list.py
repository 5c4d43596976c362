"""ProcessorList: the local APICs that the tables of the firmware name, the boot processor's first."""

from __future__ import annotations

from codegen.lang import Array, array, struct, u32
from kernel.machine.segments import MAXIMUM_CPUS


@struct
class ProcessorList:
    """The processors that can be started."""

    apic_ids: Array[u32] = array(MAXIMUM_CPUS)
    count: u32 = 0
    refused: u32 = 0
    """How many more there are than the kernel has room for."""

    def add(self, apic_id: u32) -> None:
        """One more processor; one that is in the list already is the same one."""
        for index in range(self.count):
            if self.apic_ids[index] == apic_id:
                return
        if self.count == MAXIMUM_CPUS:
            self.refused += 1
            return
        self.apic_ids[self.count] = apic_id
        self.count += 1
