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
                let asked = Asked::Content(bytes);
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
