#!/usr/bin/env bash
# disk-health-mcp 0.4.0 (PyPI), which judges drives by what smartctl tells of them.
#
# smartctl --json has an NVMe drive's SMART log, whose Percentage Used is 100 when the drive is
# worn out and may go on from there, and whose Media and Data Integrity Errors are data that were
# lost (NVMe 1.4c §5.14.1.2), and the error counters of a SCSI drive. Its text has a table of an ATA
# drive's attributes (smartctl(8), -j and -A).
#
# Guess before running it: drives of the three kinds are warned of, and text is read as JSON is.
# Seen: only the attributes of ATA count. An NVMe drive that is worn out and lost data is without
# a warning and has 100 of 100, as a SCSI drive with errors that could not be corrected. Of text
# the name and the verdict are read: a drive with 8 reallocated sectors has 75 by JSON and 100 by
# text, and there no hours, no temperature and no attribute.
. "$(dirname "$0")/lib/pypi"
pypi disk-health-mcp==0.4.0

cat >"$TEMP/run.py" <<'PYTHON'
import importlib.util, sys, types

# the parser alone, without the server around it
package = types.ModuleType("disk_health_mcp")
package.__path__ = importlib.util.find_spec("disk_health_mcp").submodule_search_locations
sys.modules["disk_health_mcp"] = package
from disk_health_mcp.smart_parser import parse_smart_json, parse_smart_text

def show(drive):
    found = ", ".join(f"{entry.name} {entry.raw_value}" for entry in drive.attributes)
    print(f"{drive.power_on_hours} h, {drive.temperature} degrees, {drive.health_score} of 100,",
          f"{len(drive.warnings)} warnings ({found})")

def drive(protocol, **more):
    return parse_smart_json({"device": {"name": "/dev/drive", "type": protocol.lower(), "protocol": protocol},
                             "model_name": "A drive", "serial_number": "1", "smart_status": {"passed": True},
                             "temperature": {"current": 33}, "power_on_time": {"hours": 21915}, **more})

show(drive("NVMe", nvme_smart_health_information_log={
    "critical_warning": 0, "temperature": 33, "available_spare": 100, "available_spare_threshold": 10,
    "percentage_used": 204, "power_cycles": 61, "power_on_hours": 21915, "media_errors": 7}))
show(drive("SCSI", scsi_grown_defect_list=120, scsi_error_counter_log={"read": {"total_uncorrected_errors": 5}}))
sectors = {"id": 5, "name": "Reallocated_Sector_Ct", "value": 200, "worst": 200, "thresh": 140, "when_failed": "",
           "flags": {"value": 51, "string": "PO--CK ", "prefailure": True}, "raw": {"value": 8, "string": "8"}}
show(drive("ATA", ata_smart_attributes={"table": [sectors]}))
show(parse_smart_text("""\
smartctl 7.3 2022-02-28 r5338 [x86_64-linux-6.1.0] (local build)

=== START OF INFORMATION SECTION ===
Device Model:     A drive
Serial Number:    1

=== START OF READ SMART DATA SECTION ===
SMART overall-health self-assessment test result: PASSED

SMART Attributes Data Structure revision number: 16
Vendor Specific SMART Attributes with Thresholds:
ID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE
  5 Reallocated_Sector_Ct   0x0033   200   200   140    Pre-fail  Always       -       8
  9 Power_On_Hours          0x0032   070   070   000    Old_age   Always       -       21915
194 Temperature_Celsius     0x0022   117   105   000    Old_age   Always       -       33
"""))
PYTHON
python3 "$TEMP/run.py" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "NVMe, 204 % used, 7 media errors" "21915 h, 33 degrees, 100 of 100, 0 warnings ()" "$(line 1)"
same "SCSI, 5 uncorrected errors" "21915 h, 33 degrees, 100 of 100, 0 warnings ()" "$(line 2)"
same "ATA, 8 reallocated sectors" "21915 h, 33 degrees, 75 of 100, 1 warnings (Reallocated_Sector_Ct 8)" "$(line 3)"
same "the same as text" "0 h, 0 degrees, 100 of 100, 0 warnings ()" "$(line 4)"
