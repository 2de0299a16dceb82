#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# i2c-xgene-slimpro: bytes and words to and from the chips of i2c.json, one
# chip that is not there, one that is too slow.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

adapter=$(device_named 'MAILBOX I2C' /sys/bus/i2c/devices) || exit
bus=${adapter##*-}

# gets NAME VALUE WORD...: a test: i2cget says this
gets() {
	step "$1"
	gets_value=$2
	shift 2
	same "i2cget $*" "$gets_value" "$(i2cget -y "$bus" "$@" 2>&1)"
	result $?
}

# sets NAME WORD...: a test: i2cset succeeds
sets() {
	step "$1"
	shift
	i2cset -y "$bus" "$@"
	result $?
}

# fails NAME PROGRAM WORD...: a test: it does not
fails() {
	step "$1"
	fails_program=$2
	shift 2
	! "$fails_program" -y "$bus" "$@" 2>&1
	result $?
}

if [ "$QUICK" ]; then plan 16; else plan 25; fi

asked value kind=4 bus=1 chip=0x48 smbus=1 addressed=1 length=2 'value->1045'
gets 'a word' 0x0415 0x48 0 w
asked limit chip=0x48 register=3 'value->80'
gets 'another word' 0x0050 0x48 3 w
asked set-limit chip=0x48 write=1 length=2 register=3 data=0x1234
sets 'a word is written' 0x48 3 0x1234 w
gets 'and read' 0x1234 0x48 3 w
asked light chip=0x51 length=1 register=0x10 'value->1'
gets 'a byte' 0x01 0x51 0x10 b
asked set-light data=0xa5
sets 'a byte is written' 0x51 0x10 0xa5 b
gets 'and read' 0xa5 0x51 0x10 b
asked receive addressed=0
gets 'a byte without register' 0x77 0x51
asked send register=0x42 length=0
sets 'a byte without data' 0x51 0x42
gets 'and read' 0x42 0x51 0x10 b
asked nobody chip=0x20
fails 'a chip that is not there' i2cget 0x20 0
# 1300 ms, the driver waits 1000.
asked slow
fails 'a chip that is too slow' i2cget 0x60 0
usleep 500000
asked value chip=0x48
gets 'the bus goes on' 0x0415 0x48 0 w
rebound 'unbind and bind' xgene-slimpro-i2c APMC0D40:00
reloaded 'the driver removed, and loaded again' i2c-xgene-slimpro
adapter=$(device_named 'MAILBOX I2C' /sys/bus/i2c/devices) || exit
bus=${adapter##*-}
asked value chip=0x48
gets 'the bus, after all that' 0x0415 0x48 0 w
if [ ! "$QUICK" ]; then
	asked quiet
	fails 'an answer without interrupt' i2cget 0x61 0
	asked double
	gets 'an interrupt that comes twice' 0x62 0x62 0
	asked value chip=0x48
	gets 'the bus goes on after it' 0x0415 0x48 0 w
	asked early
	fails 'an interrupt 50 ms before the data' i2cget 0x63 0
	asked value chip=0x48
	gets 'the bus goes on after that' 0x0415 0x48 0 w
	asked error
	known 'i2c-xgene-slimpro does not look at the error bit of the status: it takes what lies there for the answer'
	fails 'error status' i2cget 0x64 0
	asked value chip=0x48
	gets 'the bus goes on after the error' 0x0415 0x48 0 w
	fails 'a chip that never answers' i2cget 0x65 0
	fails 'nor does any other after it' i2cget 0x51 0x10 b
fi
end
