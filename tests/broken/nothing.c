// SPDX-License-Identifier: GPL-2.0-only
/*
 * nothing - a module that does nothing. tests/broken/list makes modules of it
 * that do not load, or never get done with that.
 */

#include <linux/delay.h>
#include <linux/module.h>

static int __init nothing_init(void)
{
	return 0;
}
module_init(nothing_init);

static void __exit nothing_exit(void)
{
}
module_exit(nothing_exit);

MODULE_DESCRIPTION("Nothing, for tests of modules that do not load");
MODULE_AUTHOR("The pccd authors");
MODULE_LICENSE("GPL");
