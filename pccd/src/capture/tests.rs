use std::fs;

use chrono::{TimeZone, Utc};
use proptest::prelude::*;

use super::*;

const NAME: &str = "20261121T044142.123456789Z-00000017-000.pcc";

fn time() -> Time {
    Utc.timestamp_opt(1_795_236_103, 123_456_789).unwrap()
}

/// A content of an MCTP channel with that packet.
fn content(packet: &[u8]) -> Vec<u8> {
    let mut content = vec![0, 0x43, 0x43, 0x50, 1, 0, 0, 0];
    let length = u32::try_from(packet.len()).unwrap() + 4;
    content.extend(length.to_le_bytes());
    content.extend(b"MCTP");
    content.extend_from_slice(packet);
    content
}

fn request(packet: &[u8]) -> Record {
    let record = Record::new(time(), Event::Received).named(NAME);
    let mut record = record.with_content(&content(packet));
    record.subspace_type = Some(3);
    record.mailbox = Some("/m".to_owned());
    record
}

/// A packet as it is read back: interface, comment, bytes.
type Read = (u32, Option<String>, Vec<u8>);

/// A reader of these bytes.
fn reader(bytes: &[u8]) -> Result<Reader, ReadError> {
    Reader::new(Box::new(std::io::Cursor::new(bytes.to_vec())))
}

/// Names of the interfaces, and the packets of a file, all of one time.
fn read(bytes: &[u8]) -> (Vec<String>, Vec<Read>) {
    let mut reader = reader(bytes).unwrap();
    let mut packets = Vec::new();
    while let Some(packet) = reader.next_packet().unwrap() {
        assert_eq!(packet.time, Some(time()));
        let interface = u32::try_from(packet.interface).unwrap();
        packets.push((interface, packet.comment, packet.data));
    }
    assert!(reader.program().starts_with("pccd "));
    let names = reader.interfaces().iter().map(|one| one.name.clone());
    (names.collect(), packets)
}

fn captured(records: &[Record]) -> (Vec<String>, Vec<Read>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcapng");
    let mut capture = Capture::create(&path).unwrap();
    for record in records {
        assert_eq!(capture.write(record), None);
    }
    assert_eq!(capture.finish(time()), None);
    read(&fs::read(&path).unwrap())
}

#[test]
fn a_message_is_an_event_and_a_packet() {
    let packet = [1, 9, 8, 0xc9, 0, 0x80, 2];
    let mut reply = request(&[1, 8, 9, 0xc1, 0, 0, 2, 0, 9, 0, 0]);
    reply.event = Event::Replied;
    reply.handler = Some("endpoint".to_owned());
    reply.request = reply.name.replace(NAME.replace(".pcc", ".r1.pcc"));
    reply.latency_us = Some(17);
    let (names, packets) = captured(&[request(&packet), reply]);
    assert_eq!(names, ["mctp", "pcc"]);
    let interfaces: Vec<u32> = packets.iter().map(|one| one.0).collect();
    assert_eq!(interfaces, [1, 0, 1, 0]);
    let entry = Entry::decode(&packets[0].2).unwrap();
    assert_eq!((entry.kind, entry.subspace), (Kind::Request, Some(0)));
    assert_eq!((entry.sequence, entry.subspace_type), (Some(17), Some(3)));
    assert_eq!(entry.epoch, Some(1_795_236_102_123_456_789));
    assert_eq!(entry.content, content(&packet));
    let head = [0, 0xfa, 0, 0, 0, 0, 0, 1, 1, 0x22, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(packets[1].2, [&head[..], &[0, 0], &packet].concat());
    assert_eq!(packets[3].2[10], 4, "it goes out");
    assert_eq!(packets[3].1.as_deref(), Some("by endpoint"));
    let entry = Entry::decode(&packets[2].2).unwrap();
    assert_eq!((entry.latency_us, entry.sequence), (Some(17), Some(17)));
}

#[test]
fn each_mailbox_has_interfaces_of_its_own() {
    let one = request(&[1, 9, 8, 0xc9, 0, 0x80, 2]);
    let two = Record { mailbox: Some("/n".to_owned()), ..one.clone() };
    let all = Record { mailbox: None, ..Record::new(time(), Event::Stopped) };
    let (names, packets) = captured(&[one, two, all]);
    assert_eq!(names.len(), 4);
    assert_eq!(names[3], "pcc1");
    let interfaces: Vec<u32> = packets.iter().map(|one| one.0).collect();
    assert_eq!(interfaces, [1, 0, 3, 2, 1]);
}

#[test]
fn lengths_that_lie_are_cut() {
    let mut long = content(&[1, 9, 8, 0xc9, 0]);
    long[8] = 0xff;
    assert_eq!(mctp_packet(&long), Some(&[1, 9, 8, 0xc9, 0][..]));
    long[8] = 5;
    assert_eq!(mctp_packet(&long), Some(&[1][..]));
    long[8] = 0;
    assert_eq!(mctp_packet(&long), None);
    long[8..12].fill(0xff);
    assert_eq!(mctp_packet(&long).map(<[u8]>::len), Some(5));
    assert_eq!(mctp_packet(&long[..12]), None);
}

/// Packets of source 8, by flags; each with as much as a start needs.
fn remarks(flags: &[u8]) -> Vec<Option<String>> {
    let mut joined = Joined::default();
    let one = |flags: &u8| {
        let mut packet = vec![1, 9, 8, *flags];
        packet.resize(4 + 64, 0x7e);
        joined.push(0, &packet)
    };
    flags.iter().map(one).collect()
}

#[test]
fn what_wireshark_joins_wrongly_is_said() {
    // Start, middle, end; the sequence counts.
    assert!(remarks(&[0x88, 0x18, 0x68]).iter().all(Option::is_none));
    // A start that is given up for another one.
    let last = remarks(&[0x88, 0x88, 0x58]).pop().unwrap().unwrap();
    assert!(last.contains("the message is one of 128 bytes: 7e7e"), "{last}");
    // A sequence that does not follow.
    let last = remarks(&[0x88, 0x68]).pop().unwrap().unwrap();
    assert!(last.contains("there is no message"), "{last}");
    // Two messages that the tag owner bit alone tells apart.
    let all = remarks(&[0x88, 0x80, 0x58, 0x50]);
    assert!(all[2].is_some() && all[3].is_some(), "{all:?}");
    // A single packet is never joined.
    assert!(remarks(&[0x88, 0xc8, 0x58])[1].is_none());
}

#[test]
fn a_full_disk_is_told_once_and_the_gap_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcapng");
    let mut capture = Capture::create(&path).unwrap();
    let one = request(&[1, 9, 8, 0xc9, 0, 0x80, 2]);
    let good = std::mem::replace(
        &mut capture.output,
        Output::create(Path::new("/dev/full")).unwrap(),
    );
    // The stream's thread needs its time to fail.
    let told = (0..10_000).find_map(|_| {
        std::thread::yield_now();
        capture.write(&one)
    });
    let told = told.unwrap();
    assert_eq!(told.event, Event::Error);
    let reason = told.reason.unwrap();
    assert!(reason.contains("/dev/full cannot be written: No space left"));
    assert_eq!(capture.write(&one), None, "it is told once");
    capture.output = good;
    let told = capture.write(&one).unwrap();
    assert!(told.reason.unwrap().contains("2 events are missing"));
    let told = capture.finish(time()).unwrap();
    assert!(told.reason.unwrap().contains("is not whole: 2 events"));
}

#[test]
fn a_file_that_fails_stays_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcapng");
    let mut capture = Capture::create(&path).unwrap();
    let one = request(&[1, 9, 8, 0xc9, 0, 0x80, 2]);
    // Interfaces that could not be written come with what follows.
    let closed = fs::File::open(&path).unwrap();
    let good = capture.output.replace_file(closed);
    assert_eq!(capture.write(&one).unwrap().event, Event::Error);
    capture.output.replace_file(good);
    assert_eq!(capture.write(&one).unwrap().event, Event::Note);
    let (names, packets) = read(&fs::read(&path).unwrap());
    assert_eq!(names.len(), 2);
    let lost = Entry::decode(&packets[0].2).unwrap();
    assert_eq!(lost.kind, Kind::Lost);
    assert_eq!(lost.note, "1 events before this one are missing");
    assert_eq!(packets.len(), 3);
}

#[test]
fn a_reader_that_went_away_is_told() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let to = format!("/proc/self/fd/{}", {
        use std::os::fd::AsRawFd;
        writer.as_raw_fd()
    });
    // Opening it again fails or ends as a pipe without a reader does.
    if let Ok(mut capture) = Capture::create(Path::new(&to)) {
        let one = request(&[1, 9, 8, 0xc9, 0, 0x80, 2]);
        let told = (0..10_000).find_map(|_| {
            std::thread::yield_now();
            capture.write(&one)
        });
        assert_eq!(told.unwrap().event, Event::Error);
        assert!(capture.finish(time()).is_some());
    }
}

#[test]
fn texts_are_cut_at_characters_and_packets_at_what_wireshark_takes() {
    let mut long = request(&[1, 9, 8, 0xc9, 0, 0x80, 2]);
    long.reason = Some("ä".repeat(100_000));
    long.content = Some("00".repeat(300_000));
    let (_, packets) = captured(&[long]);
    let entry = Entry::decode(&packets[0].2).unwrap();
    assert_eq!(entry.note.len(), 8192);
    assert_eq!(packets[0].2.len(), 262_144);
    assert_eq!(packets[0].1.as_ref().unwrap().len(), 16_384);
}

#[test]
fn each_cut_of_a_capture_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcapng");
    let mut capture = Capture::create(&path).unwrap();
    capture.write(&request(&[1, 9, 8, 0xc9, 0, 0x80, 2]));
    capture.write(&request(&[1, 9, 8, 0xc9, 0, 0x80, 3]));
    let bytes = fs::read(&path).unwrap();
    let mut wholes = 0;
    for end in 0..bytes.len() {
        let mut count = 0;
        let told = reader(&bytes[..end]).and_then(|mut reader| {
            while reader.next_packet()?.is_some() {
                count += 1;
            }
            Ok(())
        });
        match told {
            Ok(()) => wholes += 1,
            Err(error) => {
                let offset = error.offset.unwrap_or_default();
                let offset = usize::try_from(offset).unwrap();
                assert!(offset <= end, "{error}");
                // What it says is whole is.
                assert!(offset == 0 || reader(&bytes[..offset]).is_ok());
            }
        }
    }
    // Behind the header, each interface and each packet but the last.
    assert_eq!(wholes, 1 + 2 + 3);
}

#[test]
fn clocks_of_all_kinds_are_read() {
    let block = |kind: u32, body: &[u8]| {
        let length = u32::try_from(12 + body.len()).unwrap();
        let [kind, length] = [kind, length].map(u32::to_le_bytes);
        [&kind[..], &length, body, &length].concat()
    };
    let words = |words: &[u32]| -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    };
    let section = block(0x0a0d_0d0a, &words(&[0x1a2b_3c4d, 1, !0, !0]));
    let interface = |power: Option<u8>| {
        let mut body = words(&[147, 0]);
        if let Some(power) = power {
            body.extend(words(&[0x0001_0009, power.into(), 0]));
        }
        block(1, &body)
    };
    let at = |power, ticks: u64| {
        let [low, high] = [ticks & 0xffff_ffff, ticks >> 32];
        let half = |word: u64| u32::try_from(word).unwrap();
        let packet = words(&[0, half(high), half(low), 0, 0]);
        let all = [&section[..], &interface(power), &block(6, &packet)];
        let mut reader = reader(&all.concat()).unwrap();
        let packet = reader.next_packet().unwrap().unwrap();
        packet.time.and_then(|time| time.timestamp_nanos_opt())
    };
    assert_eq!(at(None, 1_500_000), Some(1_500_000_000), "microseconds");
    assert_eq!(at(Some(9), 7), Some(7));
    assert_eq!(at(Some(3), 7), Some(7_000_000));
    assert_eq!(at(Some(0x80 | 10), 512), Some(500_000_000), "powers of two");
    // Beyond the calendar, or of a clock that nobody has.
    assert_eq!(at(Some(0), u64::MAX), None);
    assert_eq!(at(Some(0x7f), u64::MAX), Some(0));
}

#[test]
fn dissector_and_document_know_every_kind() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let (lua, page) = (text("wireshark/pcc.lua"), text("../docs/capture.md"));
    let lua = lua.split_whitespace().collect::<Vec<_>>().join(" ");
    for kind in Kind::ALL {
        let (number, name) = (*kind as u8, kind.name());
        assert!(lua.contains(&format!("[{number}] = \"{name}\"")), "{name}");
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

proptest! {
    #[test]
    fn entries_go_there_and_back(
        kind in prop::sample::select(Kind::ALL),
        subspace in any::<Option<u8>>(),
        subspace_type in prop::option::of(0_u8..6),
        epoch in prop::option::of(1_u64..),
        sequence in prop::option::of(1_u32..),
        latency_us in prop::option::of(0..u32::MAX),
        texts in any::<[String; 4]>(),
        content in any::<Vec<u8>>(),
    ) {
        let [name, handler, note, summary] = texts;
        let entry = Entry {
            subspace, subspace_type, epoch, sequence, latency_us, name,
            handler, note, summary, content, ..Entry::new(kind)
        };
        prop_assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
    }

    #[test]
    fn no_bytes_are_too_strange(
        bytes in any::<Vec<u8>>(),
        packets in any::<Vec<Vec<u8>>>(),
    ) {
        let _ = Entry::decode(&bytes);
        let _ = Entry::decode(&[&[1_u8, 1][..], &bytes].concat());
        let _ = mctp_packet(&bytes);
        let heads: [&[u8]; 3] = [
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\
              \xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0",
            b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\
              \0\0\x04\0\x71\0\0\0",
            b"",
        ];
        for head in heads {
            if let Ok(mut reader) = reader(&[head, &bytes].concat()) {
                while let Ok(Some(_)) = reader.next_packet() {}
            }
        }
        let mut joined = Joined::default();
        for packet in packets {
            let _ = joined.push(0, &[&[1][..], &packet].concat());
        }
        let mut record = request(&[1, 9, 8, 0xc9, 0]);
        record.content = Some(hex::encode(&bytes));
        record.name = Some(String::from_utf8_lossy(&bytes).into_owned());
        captured(&[record]);
    }
}
