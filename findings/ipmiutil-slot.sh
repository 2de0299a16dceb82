#!/usr/bin/env bash
# ipmiutil 3.1.8 (Debian bookworm), which tells what an event in a BMC's log says.
#
# Type 20h of a sensor is a critical stop of an OS, 21h a slot or connector, 10h the log itself,
# of which 4 is that it is full. Bytes 2 and 3 of an event's data are said to be nothing by bits 7
# to 4 of the first (IPMI 2.0 table 29-6, table 42-3). Event type 7 has its severity in itself: 2
# is a transition to critical (table 42-2).
#
# Guess before running it: each event has its sensor's type, what it says, and a severity for it.
# Seen: a slot is an "OS Critical Stop", so that a device put into one is that, too. A stop with
# no more data is a null pointer in an interrupt, by the two bytes that say nothing. A full log,
# a fan that becomes critical, and a cable put in wrongly are "-", INF. Thresholds, power supplies,
# memory, drives, watchdogs and buttons are right.
. "$(dirname "$0")/lib/debian"
install bookworm ipmiutil=3.1.8-4 ipmiutil

# event TYPE EVENT DATA...: severity, sensor and text of an event of sensor 30h
event() {
  "$TEMP/ipmiutil" events 34 12 02 78 56 34 12 20 00 04 "$1" 30 "${@:2}" |
    tr -d '\177' | sed -n 's/^1234 [^ ]* [^ ]* \(...\) BMC *\(.*\) #30 na *\(.*\)/\1, \2, \3/p'
}
stop=20 slot=21 log=10 fan=04 cable=1b power=08 temperature=01 drive=0d
same "a slot, at fault" "MAJ, OS Critical Stop, Fault    6f [00 ff ff]" "$(event $slot 6f 00 ff ff)"
same "a slot, device put in" "INF, OS Critical Stop, Inserted 6f [a2 00 03]" "$(event $slot 6f a2 00 03)"
same "an OS, stop at the start" "CRT, OS Critical Stop, Startup Crit Stop 6f [00 ff ff]" "$(event $stop 6f 00 ff ff)"
same "an OS, stop at run time" "CRT, OS Critical Stop, panic(0)Int!NullPtr! 6f [01 ff ff]" "$(event $stop 6f 01 ff ff)"
same "the log, cleared" "INF, Event Log, Log Cleared 6f [02 ff ff]" "$(event $log 6f 02 ff ff)"
same "the log, full" "INF, Event Log, - 6f [04 ff ff]" "$(event $log 6f 04 ff ff)"
same "a fan, to critical" "INF, Fan, - 07 [02 ff ff]" "$(event $fan 07 02 ff ff)"
same "a cable, wrong" "INF, Cable/Interconnect, - 6f [01 ff ff]" "$(event $cable 6f 01 ff ff)"
same "a power supply, at fault" "MAJ, Power Supply, Failure detected 6f [01 ff ff]" "$(event $power 6f 01 ff ff)"
same "a drive, at fault" "MAJ, Drive Slot, Drive fault 6f [01 ff ff]" "$(event $drive 6f 01 ff ff)"
same "above upper critical" "MAJ, Temperature, Hi Crit thresh act=41 thr=40" "$(event $temperature 01 59 41 40)"
