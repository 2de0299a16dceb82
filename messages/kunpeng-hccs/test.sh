#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kunpeng_hccs: the tree of chips, dies and ports that hccs.json describes,
# each port's state, and from 7.x on the lanes being taken away and given back.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

case $MODE in
irq) name=HISI04B2:00 ;;
*) name=HISI04B1:00 ;;
esac
hccs=/sys/devices/platform/$name

port=$hccs/chip0/die0/hccs1

# attributes WHERE NAME=VALUE...: a test each
attributes() {
	attributes_at=$1
	shift
	for pair; do
		is "$attributes_at/${pair%%=*}" "$hccs/$attributes_at/${pair%%=*}" "${pair#*=}"
	done
}

tests=35
[ "$linux_6" ] || tests=50
[ "$QUICK" ] || tests=$((tests + 7))
plan $tests

step 'all of the tree, and nothing else'
tree=$(cd "$hccs" && find chip* -type d | sort | tr '\n' ' ')
same "$hccs" "chip0 chip0/die0 chip0/die0/hccs0 chip0/die0/hccs1 chip0/die3 \
chip0/die3/hccs4 chip0/die3/hccs5 chip0/die3/hccs6 chip0/die3/hccs7 \
chip0/die3/hccs8 chip1 chip1/die1 chip1/die1/hccs2 " "$tree"
result $?

attributes chip0/die0/hccs1 type=HCCS-v2 lane_mode=x8 enable=1
asked link chip=0 die=0 port=1 'byte->255' 'link->68'
attributes chip0/die0/hccs1 cur_lane_num=8 link_fsm=link-up lane_mask=0xff crc_err_cnt=0
raced 'a port, by all processors at once' $port/link_fsm link-up
# The second answer's port, its fields unlike the others'
attributes chip0/die3/hccs8 type=HCCS-v1 lane_mode=x16 enable=0
asked link-down chip=0 die=3 port=8
attributes chip0/die3/hccs8 cur_lane_num=0 link_fsm=reset lane_mask=0x0
asked port-errors chip=0 die=3 port=4 'word->3'
attributes chip0/die3/hccs4 crc_err_cnt=3
asked port-errors chip=1 die=1 port=2
attributes chip1/die1/hccs2 crc_err_cnt=4294967297 type=HCCS-v2
asked port-errors-refused port=5 'status->7'
refused 'chip0/die3/hccs5: a refusal' "$hccs/chip0/die3/hccs5/crc_err_cnt" 'Input/output error'
logged 'the refusal is in the log' 'Execute PCC command failed, error code = 7.'

asked die-linked chip=0 die=0
asked die-lanes chip=0 die=0
asked die-errors chip=0 die=0
attributes chip0/die0 all_linked=1 linked_full_lane=1 crc_err_cnt=0
attributes chip0/die3 all_linked=0 linked_full_lane=1 crc_err_cnt=12
attributes chip0 all_linked=0 linked_full_lane=1 crc_err_cnt=12
attributes chip1 all_linked=1 linked_full_lane=1 crc_err_cnt=4294967297

if [ ! "$linux_6" ]; then
	attributes . 'used_types=HCCS-v1 HCCS-v2' available_inc_dec_lane_types=HCCS-v2
	refused 'a type without lane control' "$hccs/dec_lane_of_type" 'Operation not supported' HCCS-v1
	refused 'a type that is none' "$hccs/dec_lane_of_type" 'Invalid argument' HCCS-v3
	asked busy port=5
	refused 'lanes are not taken from a busy port' "$hccs/dec_lane_of_type" 'Device or resource busy' HCCS-v2
	asked idle port=5
	asked decrease type=2
	wrote 'fewer lanes' "$hccs/dec_lane_of_type" HCCS-v2
	attributes chip0/die0/hccs0 cur_lane_num=4 lane_mask=0xf link_fsm=link-up
	attributes chip0/die0 linked_full_lane=0
	asked prepare type=2 step=prepare
	asked adapting step=adapted 'byte->1'
	asked adapted step=adapted 'byte->0'
	asked retrain step=retrain
	wrote 'all lanes again' "$hccs/inc_lane_of_type" HCCS-v2
	attributes chip0/die0/hccs0 cur_lane_num=8 lane_mask=0xff
	attributes chip0/die0 linked_full_lane=1
	wrote 'all lanes again, when there are all' "$hccs/inc_lane_of_type" HCCS-v2
fi

rebound 'unbind and bind' kunpeng_hccs "$name"
asked link chip=1 die=1 port=2
attributes chip1/die1/hccs2 link_fsm=link-up lane_mode=x8

# The driver waits 500 times the latency, 2 s. By interrupt, Linux keeps error
# status from it.
if [ ! "$QUICK" ]; then
	errors=$hccs/chip0/die3/hccs7/crc_err_cnt
	late='Connection timed out'
	asked quiet port=7
	if [ "$MODE" = irq ]; then
		refused 'an answer without interrupt' "$errors" "$late"
	else
		is 'an answer without interrupt' "$errors" 91
	fi
	asked double port=7
	is 'an interrupt that comes twice' "$errors" 92
	asked early port=7
	if [ "$MODE" = irq ]; then
		refused 'an interrupt 50 ms before the data' "$errors" "$late"
	else
		is 'an interrupt 50 ms before the data' "$errors" 93
	fi
	asked error port=7
	if [ "$MODE" = irq ]; then
		refused 'error status' "$errors" "$late"
	else
		known 'kunpeng_hccs, polling, does not look at the error bit of the status: it takes what lies there for the answer'
		refused 'error status' "$errors" 'Input/output error'
	fi
	# 2400 ms
	asked late port=7
	refused 'an answer that comes too late' "$errors" "$late"
	usleep 600000
	asked port-errors port=7
	is 'errors, after all that' "$errors" 9
	asked never port=7
	refused 'a platform that never answers' "$errors" "$late"
fi
end
