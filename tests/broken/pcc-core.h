/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux's PCC controller, which is built in, as a module beside it: what a
 * module cannot have of the kernel. Those who use it are compiled with the
 * same names.
 */
#include <linux/acpi.h>
#include <linux/io.h>
#include <linux/module.h>

MODULE_DESCRIPTION("the PCC controller, with a mistake in it");
MODULE_LICENSE("GPL");

/* Not exported; its caller only wants to know how many entries there are. */
static inline int pcc_core_count(char *id, unsigned long header_len,
				 struct acpi_subtable_proc *proc, int procs,
				 unsigned int max)
{
	struct acpi_table_header *table;
	struct acpi_subtable_header *entry;
	unsigned long at;
	int count = 0;

	if (ACPI_FAILURE(acpi_get_table(id, 0, &table)))
		return -ENODEV;
	for (at = header_len; at + sizeof(*entry) <= table->length; at += entry->length) {
		entry = (void *)table + at;
		if (entry->length < sizeof(*entry))
			break;
		count++;
	}
	acpi_put_table(table);
	return count;
}

#define acpi_table_parse_entries_array pcc_core_count
/* The lab's regions lie outside the EFI memory map: devices, as here. */
#define acpi_os_ioremap(base, size) ioremap(base, size)
