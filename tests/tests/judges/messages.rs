//! Messages: everything in `pccd/tests/exchanges/`, the goldens of the
//! decoder, and what a guest and the platform say in the demo.

#[path = "../../../pccd/tests/common/exchanges.rs"]
mod written;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use pccd::capture::Capture;
use pccd::record::{Event, Record, now};
use pccd::wire::layout::Value;
use pccd::wire::message::describe_packet;
use pccd::wire::pcc::{COMMAND_MCTP, HEADER_LEN};
use pccd_tests::Logs;
use pcclab::exchange::{Script, records};
use pcclab::judge::judge;
use pcclab::lab::Lab;
use pcclab::run::exit;
use pcclab::session::{Config, Session};

use super::{Judged, built, here, run};

/// A packet, whether the guest sent it, and where it is from.
struct Sent {
    packet: Vec<u8>,
    by_guest: bool,
    from: String,
}

/// What the guest and the platform say in the demo, packet by packet.
fn demo() -> Vec<Sent> {
    let logs = Logs::new();
    let lab = Lab::find(None, &[]).unwrap();
    let config = Config::new(lab, logs.path(), &["sh", "/tests/demo.sh"]);
    let session = Session::start(config).unwrap();
    let mut script = Script::default();
    let outcome = session.finish(|line| {
        script.line(line, Duration::ZERO);
    });
    let verdict = judge(&outcome.unwrap(), &script, Duration::from_secs(60));
    assert_eq!(verdict.code, exit::PASS, "{}", verdict.text);
    let log = fs::read_to_string(logs.path().join("pccd.log")).unwrap();
    let mut sent = Vec::new();
    for record in records(&log) {
        let by_guest = match record.event {
            Event::Received => true,
            Event::Replied | Event::Unasked => false,
            _ => continue,
        };
        let content = hex::decode(record.content.unwrap()).unwrap();
        let packet = content.get(HEADER_LEN..).unwrap().to_vec();
        sent.push(Sent { packet, by_guest, from: "demo".to_owned() });
    }
    sent
}

/// The packets among the contents that pccd's decoder is tested with; some
/// are cut on purpose.
fn golden() -> Vec<Sent> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = root.join("pccd/tests/golden");
    let mut sent = Vec::new();
    for name in written::files(&folder, "bin") {
        let content = fs::read(folder.join(&name)).unwrap();
        let Some((header, packet)) = content.split_at_checked(HEADER_LEN)
        else {
            continue;
        };
        if !header.ends_with(&COMMAND_MCTP) || packet.len() < 5 {
            continue;
        }
        let by_guest = packet[3] & 8 != 0;
        let from = format!("golden/{}", name.display());
        sent.push(Sent { packet: packet.to_vec(), by_guest, from });
    }
    sent
}

/// Everything there is to judge.
pub struct Messages {
    /// What it is, with counts.
    what: String,
    sent: Vec<Sent>,
}

/// Gathers it; boots a guest for it.
pub fn all() -> Messages {
    let mut sent = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut put = |from: &str, text: &str, by_guest: bool| {
        let mut packet = match by_guest {
            true => vec![1, 9, 8, 0xc8],
            false => vec![1, 8, 9, 0xc0],
        };
        packet.extend(hex::decode(text.replace(' ', "")).unwrap());
        sent.push(Sent { packet, by_guest, from: from.to_owned() });
    };
    for table in written::exchanges(&root) {
        // Examples are wrong on purpose.
        if table.name.starts_with("examples/") {
            continue;
        }
        for (request, answer) in &table.pairs {
            put(&table.name, request, true);
            if let Some(answer) = answer {
                put(&table.name, answer, false);
            }
        }
    }
    let written = sent.len();
    let (golden, demo) = (golden(), demo());
    let what = format!(
        "{written} messages of `pccd/tests/exchanges/`, {} of \
         `pccd/tests/golden/`, {} packets of a demo run",
        golden.len(),
        demo.len()
    );
    sent.extend(golden);
    sent.extend(demo);
    Messages { what, sent }
}

/// Our fields of a packet that are numbers, by full name.
fn ours(packet: &[u8]) -> BTreeMap<String, u64> {
    let described = describe_packet(packet);
    let numbers = described.fields.iter().filter_map(|found| {
        let number = match &found.value {
            Value::Number(number) => *number,
            // Sets of bits are numbers to others.
            Value::Bytes(bytes) if bytes.len() == 4 => {
                u32::from_le_bytes(bytes.as_slice().try_into().ok()?).into()
            }
            Value::Bytes(_) => return None,
        };
        Some((found.full_name(), number))
    });
    numbers.collect()
}

/// Compares what both name: `pairs` has our name and theirs, `theirs` gives
/// the values, in the order of the packets.
fn compare(
    sent: &[Sent],
    theirs: impl Fn(usize, &str) -> Vec<u64>,
    pairs: &[(&str, &str)],
    differs: &mut BTreeMap<String, String>,
) -> (usize, usize) {
    let (mut fields, mut agreed) = (0, 0);
    let mut unused: Vec<_> = pairs.iter().collect();
    for (at, Sent { packet, from, .. }) in sent.iter().enumerate() {
        let ours = ours(packet);
        let mut same = true;
        for (our, their) in pairs {
            let Some(ours) = ours.get(*our) else { continue };
            let theirs = theirs(at, their);
            if theirs.is_empty() {
                continue;
            }
            fields += 1;
            unused.retain(|pair| *pair != &(*our, *their));
            if !theirs.contains(ours) {
                same = false;
                let packet = hex::encode(packet);
                let said =
                    format!("{ours:#x}, not {theirs:x?}: {from} {packet}");
                differs.entry(format!("{our}, {their}")).or_insert(said);
            }
        }
        agreed += usize::from(same);
    }
    assert!(unused.is_empty(), "never compared: {unused:?}");
    (fields, agreed)
}

/// Our field, tshark's.
const TSHARK: &[(&str, &str)] = &[
    ("mctp.header_version", "mctp.version"),
    ("mctp.destination", "mctp.dst"),
    ("mctp.source", "mctp.src"),
    ("mctp.som", "mctp.flags.som"),
    ("mctp.eom", "mctp.flags.eom"),
    ("mctp.sequence", "mctp.seq"),
    ("mctp.to", "mctp.tag.to"),
    ("mctp.tag", "mctp.tag.value"),
    ("mctp.ic", "mctp.msg.ic"),
    ("mctp.type", "mctp.msg.type"),
    ("control.rq", "mctpc.rq"),
    ("control.d", "mctpc.d"),
    ("control.instance_id", "mctpc.instance"),
    ("control.command", "mctpc.command"),
    ("control.completion_code", "mctpc.cc"),
    ("pldm.instance_id", "pldm.instanceID"),
    ("pldm.header_version", "pldm.headerVersion"),
    ("pldm.type", "pldm.type"),
    ("pldm.completion_code", "pldm.completionCode"),
    ("pldm.tid", "pldm.base.TID"),
    ("pldm.data_transfer_handle", "pldm.base.dataTransferHandle"),
    ("pldm.transfer_operation_flag", "pldm.base.transferOperationFlag"),
    ("pldm.next_data_transfer_handle", "pldm.base.nextDataTransferHandle"),
    ("pldm.transfer_flag", "pldm.base.transferFlag"),
    ("pldm.pldm_type", "pldm.base.pldmType"),
    ("pldm.event_message_global_enable", "pldm.platform.receiver.enable"),
    ("pldm.transport_protocol_type", "pldm.platform.receiver.transport"),
    ("pldm.event_receiver_address", "pldm.platform.receiver.addr_info"),
    ("pldm.heartbeat_timer", "pldm.platform.receiver.timer"),
    ("pldm.event_class", "pldm.platform.event.class"),
    ("pldm.format_version", "pldm.platform.event_format_version"),
    ("pldm.sensor_id", "pldm.platform.event.sensor_id"),
    ("pldm.sensor_event_class", "pldm.platform.event.sensor_event_class"),
    ("pldm.sensor_data_size", "pldm.platform.sensor.data_size"),
    ("pldm.sensor_operational_state", "pldm.platform.event.sensor.op_state"),
    ("pldm.sensor_event_message_enable", "pldm.platform.sensor_event_enable"),
    ("pldm.present_state", "pldm.platform.present_event"),
    ("pldm.previous_state", "pldm.platform.prev_event"),
    ("pldm.event_state", "pldm.platform.event_state"),
    ("pldm.present_reading", "pldm.platform.event.sensor.data_u8"),
    ("pldm.rearm_event_state", "pldm.platform.rearm_event_state"),
    ("pldm.composite_sensor_count", "pldm.platform.sensor_comp_count"),
    ("pldm.record_handle", "pldm.platform.pdr.record_handle"),
    ("pldm.data_transfer_handle", "pldm.platform.pdr.data_handle"),
    ("pldm.transfer_operation_flag", "pldm.platform.pdr.transfer_op_flag"),
    ("pldm.request_count", "pldm.platform.pdr.request.count"),
    ("pldm.record_change_number", "pldm.platform.pdr.record_change_number"),
    ("pldm.next_record_handle", "pldm.platform.pdr.next_record_handle"),
    ("pldm.next_data_transfer_handle", "pldm.platform.pdr.next_data_handle"),
    ("pldm.transfer_flag", "pldm.platform.pdr.transfer_flag"),
    ("pldm.response_count", "pldm.platform.pdr.response.count"),
    ("pldm.fru_data_major_version", "pldm.fru.ver.major"),
    ("pldm.fru_data_minor_version", "pldm.fru.ver.minor"),
    ("pldm.fru_table_maximum_size", "pldm.fru.table.max"),
    ("pldm.fru_table_length", "pldm.fru.table.len"),
    ("pldm.total_number_of_records", "pldm.fru.table.num_records"),
    ("pldm.crc32", "pldm.fru.table.crc"),
    ("pldm.record_set_identifier[0]", "pldm.fru.record.id"),
    ("pldm.record_type[0]", "pldm.fru.record.type"),
    ("pldm.encoding_type[0]", "pldm.fru.record.encoding"),
];

/// tshark's field of PLDM versions, which is text.
const VERSION: &str = "pldm.base.pldmTypeVersion";

/// The packets as `pccd run --capture` writes them.
fn capture(file: &Path, sent: &[Sent]) {
    let mut capture = Capture::create(file).unwrap();
    for Sent { packet, by_guest, .. } in sent {
        let event = if *by_guest { Event::Received } else { Event::Replied };
        let mut content = b"\0CCP\0\0\0\0".to_vec();
        let length = u32::try_from(packet.len() + 4).unwrap();
        content.extend(length.to_le_bytes());
        content.extend(COMMAND_MCTP);
        content.extend(packet);
        let record = Record::new(now(), event).with_content(&content);
        assert_eq!(capture.write(&record), None);
    }
    assert_eq!(capture.finish(now()), None);
}

/// tshark's numbers: `0x1a`, `26`, `True`.
fn number(text: &str) -> Option<u64> {
    match text {
        "True" => Some(1),
        "False" => Some(0),
        text => match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
    }
}

pub fn tshark(Messages { what, sent }: &Messages) -> Judged {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("messages.pcapng");
    capture(&file, sent);
    let program = built("TSHARK");
    let mut command = Command::new(&program);
    command.arg("-r").arg(&file).args(["-T", "fields", "-E", "aggregator= "]);
    command.args(["-Y", r#"frame.interface_name == "mctp""#]);
    command.args(["-e", "_ws.malformed", "-e", VERSION]);
    TSHARK.iter().for_each(|(_, their)| {
        command.args(["-e", their]);
    });
    // What it says of the user it runs as goes to standard error.
    let out = command.stderr(Stdio::null()).output().unwrap();
    assert!(out.status.success(), "{command:?}");
    let out = String::from_utf8_lossy(&out.stdout).into_owned();
    let rows: Vec<Vec<&str>> =
        out.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.len(), sent.len(), "a row a packet");
    let mut differs = BTreeMap::new();
    for (row, Sent { packet, .. }) in rows.iter().zip(sent) {
        let described = describe_packet(packet);
        // Some are cut on purpose.
        if !row[0].is_empty() && described.wrong_length().is_none() {
            let about = format!("malformed: {}", row[0]);
            differs.entry(about).or_insert_with(|| hex::encode(packet));
        }
        let ours = described.fields.iter().find(|found| {
            ["pldm.version", "pldm.versions"].contains(&&*found.full_name())
        });
        let ours = ours.and_then(|found| found.meaning.clone());
        if let Some(ours) = ours.filter(|_| !row[1].is_empty())
            && ours != row[1]
        {
            let said = format!("{ours}, not {}", row[1]);
            differs.entry(format!("pldm.version, {VERSION}")).or_insert(said);
        }
    }
    let theirs = |at: usize, name: &str| -> Vec<u64> {
        let column = TSHARK.iter().position(|(_, n)| *n == name).unwrap() + 2;
        let cell = rows[at].get(column).copied().unwrap_or_default();
        cell.split(' ').filter_map(number).collect()
    };
    let (fields, agreed) = compare(sent, theirs, TSHARK, &mut differs);
    let (_, version) = run(Command::new(program).arg("--version"));
    let version =
        version.lines().find_map(|line| line.split("Wireshark) ").nth(1));
    Judged {
        name: "tshark",
        version: version.unwrap().trim_end_matches('.').to_owned(),
        what: format!("{what}: none malformed, {fields} fields that both name"),
        agreed,
        differs,
    }
}

/// Our field, pymctp's, in the names of its layers and fields.
const PYMCTP: &[(&str, &str)] = &[
    ("mctp.header_version", "version"),
    ("mctp.destination", "dst"),
    ("mctp.source", "src"),
    ("mctp.som", "som"),
    ("mctp.eom", "eom"),
    ("mctp.sequence", "pkt_seq"),
    ("mctp.to", "to"),
    ("mctp.tag", "tag"),
    ("mctp.ic", "ic"),
    ("mctp.type", "msg_type"),
    ("control.rq", "MCTP-Control.rq"),
    ("control.d", "MCTP-Control.d"),
    ("control.instance_id", "MCTP-Control.instance_id"),
    ("control.command", "MCTP-Control.cmd_code"),
    ("control.completion_code", "MCTP-Control.completion_code"),
    ("control.eid", "GetEndpointID.eid"),
    ("control.eid_type", "GetEndpointID.endpoint_id_type"),
    ("control.endpoint_type", "GetEndpointID.endpoint_type"),
    ("control.operation", "SetEndpointID.op"),
    ("control.assignment_status", "SetEndpointID.eid_assignment_status"),
    ("control.eid", "SetEndpointID.eid_setting"),
    ("control.message_type", "GetMctpVersionSupport.msg_type_number"),
    ("control.type_count", "GetMessageTypeSupport.msg_type_cnt"),
    (
        "control.next_selector",
        "GetVendorDefinedMessageSupport.next_vendor_id_set_selector",
    ),
    (
        "control.vendor_id_format",
        "GetVendorDefinedMessageSupport.vendor_id_format",
    ),
    ("control.eid", "QueryHop.target_eid"),
    ("control.incoming_unit", "QueryHop.max_incoming_unit_size"),
    ("pldm.rq", "PLDM.rq"),
    ("pldm.d", "PLDM.d"),
    ("pldm.instance_id", "PLDM.instance_id"),
    ("pldm.header_version", "PLDM.hdr_ver"),
    ("pldm.type", "PLDM.pldm_type"),
    ("pldm.command", "PLDM.cmd_code"),
    ("pldm.completion_code", "PLDM.completion_code"),
    ("pldm.sensor_data_size", "GetSensorReadingPacket.sensorDataSize"),
    (
        "pldm.sensor_operational_state",
        "GetSensorReadingPacket.sensorOperationalState",
    ),
    (
        "pldm.sensor_event_message_enable",
        "GetSensorReadingPacket.sensorEventMessageEnable",
    ),
    ("pldm.present_state", "GetSensorReadingPacket.presentState"),
    ("pldm.previous_state", "GetSensorReadingPacket.previousState"),
    ("pldm.event_state", "GetSensorReadingPacket.eventState"),
    ("pldm.present_reading", "GetSensorReadingPacket.presentReading8"),
    ("spdm.version", "SPDM.spdm_version"),
    ("spdm.request_response_code", "SPDM.request_response_code"),
    ("spdm.ct_exponent", "SPDM_CAPABILITIES.ct_exponent"),
    ("spdm.flags", "SPDM_CAPABILITIES.flags"),
    ("spdm.flags", "SPDM_GET_CAPABILITIES.flags"),
    ("spdm.data_transfer_size", "SPDM_CAPABILITIES.data_transfer_size"),
    ("spdm.max_spdm_msg_size", "SPDM_CAPABILITIES.max_spdm_msg_size"),
    ("spdm.length", "SPDM_ALGORITHMS.length"),
    ("spdm.length", "SPDM_NEGOTIATE_ALGORITHMS.length"),
    ("spdm.measurement_hash_algo", "SPDM_ALGORITHMS.measurement_hash_algo"),
    ("spdm.base_asym_sel", "SPDM_ALGORITHMS.base_asym_sel"),
    ("spdm.base_hash_sel", "SPDM_ALGORITHMS.base_hash_sel"),
];

pub fn pymctp(Messages { what, sent }: &Messages) -> Judged {
    let mut command = Command::new(built("PYMCTP"));
    command.arg(here("ask_pymctp.py"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines: String =
        sent.iter().map(|sent| hex::encode(&sent.packet) + "\n").collect();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        input.write_all(lines.as_bytes()).unwrap();
    });
    let out = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(out.status.success(), "{command:?}");
    let out = String::from_utf8(out.stdout).unwrap();
    let (version, rows) = out.split_once('\n').unwrap();
    let rows: Vec<serde_json::Value> =
        rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), sent.len(), "a row a packet");
    let mut differs = BTreeMap::new();
    for (row, Sent { packet, .. }) in rows.iter().zip(sent) {
        if let Some(error) = row["error"].as_str() {
            let said = hex::encode(packet);
            differs.entry(format!("raises {error}")).or_insert(said);
        }
    }
    let theirs = |at: usize, name: &str| -> Vec<u64> {
        rows[at][name].as_u64().into_iter().collect()
    };
    let (fields, agreed) = compare(sent, theirs, PYMCTP, &mut differs);
    Judged {
        name: "pymctp",
        version: version.to_owned(),
        what: format!("{what}: {fields} fields that both name"),
        agreed,
        differs,
    }
}
