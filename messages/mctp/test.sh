#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# MCTP over PCC: what the demo shows.

exec sh /tests/demo.sh
