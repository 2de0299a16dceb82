use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::capture::{Capture, Entry, Kind};
use crate::stats::ANEW;

/// What may stand in a capture, by chance: its kind, numbers, content.
type Chance = (u8, u8, u32, u8, i64, Vec<u8>);

/// A content, now and then a frame of MCTP.
fn content(flags: u8, bytes: &[u8]) -> Vec<u8> {
    if flags & 1 == 0 {
        return bytes.to_vec();
    }
    let mut content = b"\0CCP\x01\0\0\0".to_vec();
    let length = u32::try_from(bytes.len() + 8).unwrap();
    content.extend(length.to_le_bytes());
    content.extend(b"MCTP\x01\x09\x08");
    content.push(flags);
    content.extend(bytes);
    content
}

fn recorded(chances: &[Chance]) -> Result<Recording, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcapng");
    let mut capture = Capture::create(&path).unwrap();
    for (kind, subspace, seq, flags, micros, bytes) in chances {
        let kinds = [
            Kind::Request,
            Kind::Reply,
            Kind::Unasked,
            Kind::Ignored,
            Kind::Rejected,
            Kind::Note,
            Kind::Lost,
        ];
        let mut entry = Entry::new(kinds[usize::from(*kind) % kinds.len()]);
        let second = flags & 3;
        let (seq, subspace) = (seq % 8, subspace % 3);
        let epoch = format!("2026112{second}T044142.123456789Z");
        entry.set_name(&format!("{epoch}-{seq:08}-{subspace:03}.pcc"));
        entry.subspace_type = Some(flags % 6);
        entry.content = content(*flags, bytes);
        if entry.kind == Kind::Note {
            entry.note = format!("{ANEW}{epoch}");
        }
        let time = DateTime::from_timestamp_micros(*micros).unwrap();
        assert!(capture.write_entry("m", time, &entry).is_none());
    }
    read(&path).map_err(|error| error.to_string())
}

/// Asks what a recording has, in its order.
fn asked(side: &Side, by_request: bool) -> Replay {
    let mut replay = Replay::new(side.clone().into(), by_request);
    for one in &side.exchanges {
        let subspace = one.subspace.unwrap_or_default();
        let taken = replay.take(subspace, None, &one.asked);
        assert!(taken.place.is_some());
        assert!(by_request || taken.place == Some(one.number - 1));
    }
    replay
}

proptest! {
    #[test]
    fn what_is_asked_as_it_was_departs_from_nothing(
        chances in prop::collection::vec(any::<Chance>().prop_map(|mut one| {
            // Days are refused.
            one.4 = one.4.rem_euclid(1_000_000);
            one
        }), 0..40),
        others in any::<Vec<(u8, u8, Vec<u8>)>>(),
    ) {
        let Ok(recording) = recorded(&chances) else { return Ok(()) };
        for side in &recording.sides {
            for by_request in [false, true] {
                let replay = asked(side, by_request);
                prop_assert_eq!(replay.departures(), 0);
                prop_assert_eq!(replay.left(), None);
            }
            // Anything may be asked, and a life begin at any time.
            let mut replay = Replay::new(side.clone().into(), false);
            for (subspace, flags, bytes) in &others {
                let bytes = content(*flags, bytes);
                let asked = Request::Content(bytes);
                let taken = replay.take(subspace % 3, None, &asked);
                let is_there = |at| at < side.exchanges.len();
                prop_assert!(taken.place.is_none_or(is_there));
                if flags % 16 == 0 {
                    let _ = replay.begin_life();
                    let _ = replay.openings();
                }
            }
        }
    }

    #[test]
    fn no_times_are_too_strange(chances in any::<Vec<Chance>>()) {
        let strange = chances.into_iter().map(|mut one| {
            // All that a capture can hold.
            one.4 = one.4.rem_euclid(9_000_000_000_000_000);
            one
        });
        let _ = recorded(&strange.collect::<Vec<_>>());
    }
}

#[test]
fn what_is_not_whole_is_said() {
    let all = [
        (0, 0, 1, 0, 5, vec![1; 8]),
        (6, 0, 0, 0, 6, Vec::new()),
        // To a request that is not there.
        (1, 0, 7, 0, 7, vec![1]),
    ];
    let recording = recorded(&all).unwrap();
    assert_eq!(recording.sides[0].exchanges.len(), 1);
    let notes = recording.notes.join("\n");
    assert!(notes.contains("is not whole"), "{notes}");
    assert!(notes.contains("1 replies to requests"), "{notes}");
}

/// A pcap file of cooked packets, a millisecond apart: whether the guest sent
/// it, the header behind the version, and the message.
fn cooked(packets: &[(bool, [u8; 3], &[u8])]) -> Vec<u8> {
    let head = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 0x4_0000, 113];
    let mut out: Vec<u8> = head.iter().flat_map(|n| n.to_le_bytes()).collect();
    for (at, (is_guests, head, message)) in (0..).zip(packets) {
        let way = if *is_guests { 4 } else { 0 };
        let mut data = vec![0, way, 1, 0x22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        data.extend([0, 0xfa, 1]);
        data.extend(head);
        data.extend(*message);
        let length = u32::try_from(data.len()).unwrap();
        let times = [1_795_236_103, at * 1000, length, length];
        out.extend(times.iter().flat_map(|n: &u32| n.to_le_bytes()));
        out.extend(data);
    }
    out
}

fn read_bytes(bytes: &[u8]) -> Result<Recording, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcap");
    std::fs::write(&path, bytes).unwrap();
    read(&path).map_err(|error| error.to_string())
}

/// The last byte of what was answered to each request.
fn answers(recording: &Recording) -> Vec<Option<u8>> {
    let all = recording.sides[0].exchanges.iter();
    all.map(|one| match &one.reply {
        Some(Said::Message(message)) => message.bytes.last().copied(),
        _ => None,
    })
    .collect()
}

#[test]
fn an_answer_is_that_to_the_request_before_it() {
    // Linux uses the tag of a request again that timed out.
    let packets: [(bool, [u8; 3], &[u8]); 5] = [
        (true, [9, 8, 0xc8], &[0, 0x80, 2]),
        (true, [9, 8, 0xc8], &[0, 0x81, 3]),
        (false, [8, 9, 0xc0], &[0, 1, 3, 0, 1]),
        (true, [9, 8, 0xc8], &[0, 0x82, 4, 0]),
        (false, [8, 9, 0xc0], &[0, 2, 4, 0, 2]),
    ];
    let recording = read_bytes(&cooked(&packets)).unwrap();
    assert_eq!(answers(&recording), [None, Some(1), Some(2)]);
    // Each endpoint has tags of its own.
    let packets: [(bool, [u8; 3], &[u8]); 4] = [
        (true, [9, 8, 0xc8], &[0, 0x80, 2]),
        (true, [10, 8, 0xc8], &[0, 0x80, 2]),
        (false, [8, 9, 0xc0], &[0, 0, 2, 0, 9]),
        (false, [8, 10, 0xc0], &[0, 0, 2, 0, 10]),
    ];
    let recording = read_bytes(&cooked(&packets)).unwrap();
    assert_eq!(answers(&recording), [Some(9), Some(10)]);
}

/// Three lives: what is asked in them.
fn lives() -> Side {
    let asked = |life: u8, byte: u8| {
        let epoch = format!("2026112{life}T044142.123456789Z");
        let number = u32::from(life * 4 + byte);
        let mut entry = Entry::new(Kind::Request);
        entry.set_name(&format!("{epoch}-{number:08}-000.pcc"));
        entry.content = vec![byte; 8];
        entry
    };
    let anew = |life: u8| {
        let mut entry = Entry::new(Kind::Note);
        entry.note = format!("{ANEW}2026112{life}T044142.123456789Z");
        entry
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcapng");
    let mut capture = Capture::create(&path).unwrap();
    let mut all = Vec::new();
    for life in 0..3 {
        all.extend([anew(life), asked(life, 0), asked(life, 1 + life)]);
    }
    for entry in &all {
        capture.write_entry("m", DateTime::default(), entry);
    }
    read(&path).unwrap().sides.remove(0)
}

#[test]
fn a_life_is_the_one_that_has_begun() {
    let mut replay = Replay::new(lives().into(), false);
    let ask = |replay: &mut Replay, byte: u8| {
        replay.take(0, None, &Request::Content(vec![byte; 8])).place
    };
    assert_eq!((ask(&mut replay, 0), ask(&mut replay, 1)), (Some(0), Some(1)));
    assert_eq!(replay.begin_life(), None);
    // What the first life had, once more, and what the third has.
    assert_eq!((ask(&mut replay, 0), ask(&mut replay, 1)), (Some(2), Some(1)));
    assert_eq!((ask(&mut replay, 2), ask(&mut replay, 3)), (Some(3), Some(5)));
    assert_eq!((replay.life(), replay.departures()), (1, 2));
    assert_eq!(replay.begin_life(), None);
    assert_eq!(replay.life(), 2);
    assert_eq!((ask(&mut replay, 0), ask(&mut replay, 3)), (Some(4), Some(5)));
    assert_eq!((replay.left(), replay.departures()), (None, 2));
    assert_eq!(replay.begin_life(), None);
    assert_eq!((replay.life(), ask(&mut replay, 0)), (0, Some(0)));
}

/// An exchange of two messages of 70 bytes, each in two packets.
fn long() -> Vec<(bool, [u8; 3], Vec<u8>)> {
    let mut all = Vec::new();
    for (is_guests, eids, to) in [(true, [9, 8], 8), (false, [8, 9], 0)] {
        let message = [&[0x7e, 0x1a, 0xf4][..], &[to; 67]].concat();
        let (first, last) = message.split_at(64);
        let [destination, source] = eids;
        all.push((is_guests, [destination, source, 0x80 | to], first.into()));
        all.push((is_guests, [destination, source, 0x50 | to], last.into()));
    }
    all
}

#[test]
fn packets_that_are_missing_are_said() {
    let all = long();
    let read = |left: &[usize]| {
        let part = left.iter().map(|at| (all[*at].0, all[*at].1, &*all[*at].2));
        read_bytes(&cooked(&part.collect::<Vec<_>>()))
    };
    let whole = read(&[0, 1, 2, 3]).unwrap();
    assert_eq!((answers(&whole), whole.notes), (vec![Some(0)], Vec::new()));
    let text = read(&[0, 1, 3]).unwrap().notes.join("\n");
    assert!(text.contains("1 packets of the recording make no"), "{text}");
    assert!(text.contains("without its start"), "{text}");
    let text = read(&[0, 1, 2]).unwrap().notes.join("\n");
    assert!(text.contains("ends before its last"), "{text}");
}

#[test]
fn packets_that_are_cut_are_no_shorter_ones() {
    let packets: [(bool, [u8; 3], &[u8]); 2] = [
        (true, [9, 8, 0xc8], &[0, 0x80, 2]),
        (false, [8, 9, 0xc0], &[0, 0, 2, 0, 9]),
    ];
    let mut file = cooked(&packets);
    let last = file.len() - 16 - 20 - 5;
    file[last + 12] += 60;
    let text = read_bytes(&file).unwrap_err();
    let wanted = format!("at byte {last}: of 85 bytes of this packet the");
    assert!(text.starts_with(&wanted), "{text}");
}

/// A block of pcapng.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = u32::try_from(padded + 12).unwrap().to_le_bytes();
    let mut out = [&kind.to_le_bytes()[..], &length, body].concat();
    out.resize(8 + padded, 0);
    out.extend(length);
    out
}

/// A section and its interfaces, by their link types.
fn section(links: &[u8]) -> Vec<u8> {
    let mut body = vec![0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
    body.extend([0xff; 8]);
    let mut out = block(0x0a0d_0d0a, &body);
    for link in links {
        out.extend(block(1, &[*link, 0, 0, 0, 0, 0, 0, 0]));
    }
    out
}

#[test]
fn what_pads_a_packet_is_none_of_it() {
    let mut file = section(&[147]);
    for packet in [&[1, 9, 8, 0xc8, 0, 0x80, 2][..], &[1, 8, 9, 0xc0, 0, 0]] {
        let length = u32::try_from(packet.len()).unwrap().to_le_bytes();
        file.extend(block(3, &[&length, packet].concat()));
    }
    let recording = read_bytes(&file).unwrap();
    let one = &recording.sides[0].exchanges[0];
    let Request::Message(asked) = &one.asked else { panic!("{one:?}") };
    assert_eq!(asked.bytes, [0, 0x80, 2]);
    let Some(Said::Message(reply)) = &one.reply else { panic!("{one:?}") };
    assert_eq!(reply.bytes, [0, 0]);
}

#[test]
fn links_are_not_mixed() {
    // Link type 276 with the numbers of two interfaces, as of `-i any`, and
    // two interfaces of the file.
    let packet = |interface: u8, index: u8, way: u8, packet: &[u8]| {
        let mut data = vec![0, 0xfa, 0, 0, 0, 0, 0, index, 1, 0x22, way];
        data.resize(20, 0);
        data.extend(packet);
        let length = u8::try_from(data.len()).unwrap();
        let mut body = vec![interface];
        body.resize(12, 0);
        body.extend([length, 0, 0, 0, length, 0, 0, 0]);
        body.extend(data);
        block(6, &body)
    };
    let read = |interface, index| {
        let mut file = section(&[20, 20]);
        for at in [36, 56] {
            file[at..at + 2].copy_from_slice(&276_u16.to_le_bytes());
        }
        file.extend(packet(0, 2, 4, &[1, 9, 8, 0xc8, 0, 0x80, 2]));
        let at = file.len();
        let reply = [1, 8, 9, 0xc0, 0, 0, 2, 0, 9, 0, 0];
        file.extend(packet(interface, index, 0, &reply));
        read_bytes(&file).map_err(|text| (at, text))
    };
    assert_eq!(answers(&read(0, 2).unwrap()), [Some(0)]);
    for (interface, index, filter) in
        [(0, 3, "'sll.ifindex == 2'"), (1, 2, "'frame.interface_id == 0'")]
    {
        let (at, text) = read(interface, index).unwrap_err();
        assert!(text.starts_with(&format!("at byte {at}: MCTP of")), "{text}");
        assert!(text.contains(filter), "{text}");
    }
}
