//! What making handler files of a recording costs.

use serde_json::json;

use super::*;
use crate::recording::{Exchange, Message, Request, Said};
use crate::script::delay::Wait;
use crate::wire::region::SubspaceType;

/// Processor time of this thread, in nanoseconds: what else the machine does
/// is not in it.
fn spent() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat");
    text.unwrap().split(' ').next().unwrap().parse().unwrap()
}

/// A command of type 2 with one register of 8 bytes, and the answer.
fn command(asked: u32, answered: u32) -> (Request, Said) {
    let content = |value: u32| {
        let mut content = b"\x02CCP\x01\0\0\0".to_vec();
        content.extend(value.to_le_bytes());
        content.extend([0; 4]);
        content
    };
    let contents = vec![content(answered)];
    let said = Said::Contents { subspace: 2, contents };
    (Request::Content(content(asked)), said)
}

/// A vendor's message and its answer.
fn message(asked: u32, answered: u32) -> (Request, Said) {
    let message = |to, from: u8, number: u32| Message {
        source: from,
        destination: 17 - from,
        to,
        tag: 0,
        bytes: [&[0x7e, 0x1a, 0xf4][..], &number.to_be_bytes()].concat(),
    };
    let said = Said::Message(message(false, 9, answered));
    (Request::Message(message(true, 8, asked)), said)
}

fn side(all: Vec<(Request, Said)>) -> Side {
    let mut side = Side::default();
    side.kinds.insert(2, SubspaceType::HwReducedAck);
    for (place, (asked, said)) in all.into_iter().enumerate() {
        let subspace = match &asked {
            Request::Content(_) => Some(2),
            Request::Message(_) => Some(0),
        };
        side.channels.entry(subspace).or_default().push(place);
        side.exchanges.push(Exchange {
            number: place + 1,
            life: 0,
            subspace,
            time: None,
            name: String::new(),
            asked,
            rejected: None,
            ignored: None,
            reply: Some(said),
            wait: Wait::Ms(0),
            in_order: true,
            unasked: Vec::new(),
            handler: String::new(),
        });
    }
    side
}

/// A recording of so many exchanges.
type Way = fn(u32) -> Vec<(Request, Said)>;

/// Recordings that make the work of one part or the other large.
const WAYS: [(&str, Way); 6] = [
    ("distinct commands", |n| (0..n).map(|k| command(k, k + 1)).collect()),
    ("one command, always another answer", |n| {
        (0..n).map(|k| command(7, k)).collect()
    }),
    ("commands with two answers each", |n| {
        (0..n).map(|k| command(k / 2, k)).collect()
    }),
    ("commands with an answer twice, then another", |n| {
        (0..n).map(|k| command(k / 3, k / 3 * 2 + k % 3 / 2)).collect()
    }),
    ("distinct messages", |n| (0..n).map(|k| message(k, k + 1)).collect()),
    ("one message, always another answer", |n| {
        (0..n).map(|k| message(7, k)).collect()
    }),
];

#[test]
fn what_it_costs_grows_as_the_recording_does() {
    for (way, all) in WAYS {
        let cost = |n| {
            let side = side(all(n));
            let before = spent();
            let imported = import(&side);
            let cost = spent() - before;
            assert_eq!(imported.notes, [""; 0], "{way}");
            cost
        };
        let (few, many) = (cost(100), cost(1200));
        let ratio = many / few.max(1);
        println!("{way}: {} ms, {ratio} times as much", many / 1_000_000);
        // Twelve times as many; where each is compared with all, 144 times.
        assert!(ratio < 26, "{way}: {few} ns, {many} ns");
    }
}

#[test]
fn steps_that_come_once_are_counted_without_a_template() {
    let answers = [1, 2, 2, 3, 3];
    let side = side(answers.map(|one| command(7, one)).to_vec());
    let imported = import(&side);
    assert_eq!(imported.notes, [""; 0]);
    let (name, text) = &imported.files[0];
    assert_eq!(name, "subspace-2.json");
    let file: Json = serde_json::from_str(text).unwrap();
    let commands = &file["channels"][0]["commands"];
    let of = |at: usize| {
        let (when, set) = (&commands[at]["when"], &commands[at]["set"]);
        (when["step_2_0"].clone(), set["step_2_0"].clone())
    };
    let next = json!("{{ state.step_2_0 + 1 }}");
    assert_eq!(of(0), (json!(0), json!(1)));
    assert_eq!(of(1), (json!({ "range": { "from": 1, "to": 2 } }), next));
    assert_eq!(of(2), (json!({ "range": { "from": 3 } }), Json::Null));
}
