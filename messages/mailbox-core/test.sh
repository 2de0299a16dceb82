#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The rules that every client of the mailbox core lives by. The platform is
# told by command 0x0a to send what waits in the inbox from the start.

exec sh /tests/mailbox-core.sh "$MODE"
