//! The index beside the handlers it stands for.

use super::*;
use crate::messages::Messages;

fn loaded(text: &str) -> Messages {
    Messages::from_texts(&[("t.json", text)]).unwrap()
}

/// The index changes nothing but the time it takes.
#[test]
fn the_index_finds_what_a_search_finds() {
    let loaded = loaded(
        r#"{"handlers": [
      {"name": "a", "match": {"hex": "05 01 **"}, "reply": "none"},
      {"name": "b", "match": {"hex": "?? 01"}, "reply": "none"},
      {"name": "c", "match": {"fields": {"mctp.type": 5}}, "reply": "none"},
      {"name": "d", "match": {"not": {"fields": {"mctp.type": 5}}},
       "reply": "none"},
      {"name": "e", "match": {"any": [{"hex": "06"}, {"all": [
         {"fields": {"mctp.type": 1}}, {"hex": "01 80 **"}]}]},
       "reply": "none"},
      {"name": "f", "match": {"fields": {"pldm.command": {"range":
         {"from": 2}}}}, "reply": "none"},
      {"name": "g", "match": {"hex": "**"}, "reply": "none"}
    ]}"#,
    );
    let handlers = loaded.handlers();
    let messages = (0..=7_u8).flat_map(|kind| {
        (0..4_u8).flat_map(move |size| {
            [0x01_u8, 0x80].map(|byte| {
                let mut message = vec![kind, byte, 0, 2];
                message.truncate(usize::from(size) + 1);
                message
            })
        })
    });
    for message in messages {
        let described = crate::wire::message::describe(&message);
        let view = matcher::View {
            message: &message,
            fields: &described.fields,
            headers: Vec::new(),
        };
        let all: Vec<usize> = (0..handlers.handlers.len())
            .filter(|n| handlers.handlers[*n].matcher.matches(&view))
            .collect();
        let mut found = handlers.index.candidates(&view);
        found.retain(|n| handlers.handlers[*n].matcher.matches(&view));
        assert_eq!(found, all, "{message:02x?}");
    }
}

/// However many handlers there are, an exact match looks at one.
#[test]
fn many_handlers_leave_one_candidate() {
    let handlers: Vec<String> = (0..2000)
        .map(|n| {
            format!(
                r#"{{"name": "h{n}", "match": {{"fields": {{
                "mctp.type": "vendor-PCI", "vendor.vendor_id": {n},
                "vendor.data": "{n:04x}"}}}}, "reply": "none"}},
                {{"name": "b{n}", "match": {{"hex": "05 {n:04x} ??"}},
                "reply": "none"}}"#
            )
        })
        .collect();
    let text = format!("{{\"handlers\": [{}]}}", handlers.join(",\n"));
    let loaded = loaded(&text);
    let handlers = loaded.handlers();
    for message in [&[0x7e, 7, 8, 7, 8][..], &[5, 7, 8, 0]] {
        let described = crate::wire::message::describe(message);
        let view = matcher::View {
            message,
            fields: &described.fields,
            headers: Vec::new(),
        };
        let found = handlers.index.candidates(&view);
        assert_eq!(found.len(), 1, "{message:02x?}");
        let start = std::time::Instant::now();
        for _ in 0..100 {
            handlers.index.candidates(&view);
        }
        println!("{:?} a look-up", start.elapsed() / 100);
    }
}
